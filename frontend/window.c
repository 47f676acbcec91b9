/*
 * window.c - SDL2 window: picture at its true aspect, keyboard by position, mouse by grab.
 */
#include "frontend/window.h"
#include "frontend/keymap.h"

#include <SDL.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_WIDTH = 720, FIRST_HEIGHT = 540, GOOD_WIDTH = 640, NAME_MAX_LEN = 100 };

struct window {
    SDL_Window *sdl;
    SDL_Renderer *renderer;
    SDL_Texture *texture;
    u16 width, height; /* of the texture */
    u16 aspect_w, aspect_h;
    u64 serial;
    bool shown; /* the texture holds frame SERIAL and the window shows it */
    bool grabbed;
    bool sized_by_person; /* no longer follows the guest's mode */
    u16 auto_w, auto_h;   /* the size that we gave it */
    unsigned scale;
    unsigned buttons;
    u8 down[256 / 8]; /* keys that the guest believes are down */
    char guest[NAME_MAX_LEN];
};

/* --- picture --- */

/* Size in window units at which no pixel of a WIDTH x HEIGHT picture is lost and its aspect is true. */
static void natural_size(const struct display_frame *f, int *width, int *height)
{
    unsigned w = f->width ? f->width : FIRST_WIDTH, h = f->height ? f->height : FIRST_HEIGHT;
    unsigned aw = f->aspect_w ? f->aspect_w : 4, ah = f->aspect_h ? f->aspect_h : 3;

    if (w * ah < h * aw)
        w = (h * aw + ah / 2) / ah;
    else
        h = (w * ah + aw / 2) / aw;
    *width = (int)w;
    *height = (int)h;
}

/* Gives the window the picture's size times the wished scale, or what the screen has room for. */
static void fit_window(struct window *w, const struct display_frame *f)
{
    SDL_Rect usable = {0, 0, 1 << 14, 1 << 14};
    int width, height, n = (int)w->scale;

    natural_size(f, &width, &height);
    SDL_GetDisplayUsableBounds(MAX(SDL_GetWindowDisplayIndex(w->sdl), 0), &usable);
    if (!n)
        n = MAX((GOOD_WIDTH + width - 1) / width, 1);
    while (n > 1 && (width * n > usable.w || height * n > usable.h))
        n--;
    w->auto_w = (u16)(width * n);
    w->auto_h = (u16)(height * n);
    SDL_SetWindowSize(w->sdl, w->auto_w, w->auto_h);
}

static bool may_resize(const struct window *w)
{
    u32 flags = SDL_GetWindowFlags(w->sdl);

    return !w->sized_by_person && !(flags & (SDL_WINDOW_FULLSCREEN | SDL_WINDOW_MAXIMIZED));
}

/* A texture of the frame's size. False: nothing to show, or no memory for it. */
static bool fit_texture(struct window *w, const struct display_frame *f)
{
    bool same =
        f->width == w->width && f->height == w->height && f->aspect_w == w->aspect_w && f->aspect_h == w->aspect_h;

    if (same && w->texture)
        return true;
    if (w->texture)
        SDL_DestroyTexture(w->texture);
    w->texture = NULL;
    w->width = f->width;
    w->height = f->height;
    w->aspect_w = f->aspect_w;
    w->aspect_h = f->aspect_h;
    if (!f->width || !f->height)
        return false;
    w->texture =
        SDL_CreateTexture(w->renderer, SDL_PIXELFORMAT_RGB888, SDL_TEXTUREACCESS_STREAMING, f->width, f->height);
    if (!same && may_resize(w))
        fit_window(w, f);
    return w->texture != NULL;
}

/* The largest rectangle of the picture's aspect in the middle of the window. */
static SDL_Rect letterbox(struct window *w)
{
    int ow = 0, oh = 0;
    int aw = w->aspect_w ? w->aspect_w : 4, ah = w->aspect_h ? w->aspect_h : 3;
    SDL_Rect r;

    SDL_GetRendererOutputSize(w->renderer, &ow, &oh);
    r.w = ow;
    r.h = (int)((s64)ow * ah / aw);
    if (r.h > oh) {
        r.h = oh;
        r.w = (int)((s64)oh * aw / ah);
    }
    r.x = (ow - r.w) / 2;
    r.y = (oh - r.h) / 2;
    return r;
}

static void present(struct window *w)
{
    SDL_SetRenderDrawColor(w->renderer, 0, 0, 0, 255);
    SDL_RenderClear(w->renderer);
    if (w->texture) {
        SDL_Rect to = letterbox(w);
        bool sharp = to.w % w->width == 0 && to.h % w->height == 0;

        /* Whole multiples stay crisp; anything else would get pixels of unequal size. */
        SDL_SetTextureScaleMode(w->texture, sharp ? SDL_ScaleModeNearest : SDL_ScaleModeLinear);
        SDL_RenderCopy(w->renderer, w->texture, NULL, &to);
    }
    SDL_RenderPresent(w->renderer);
}

void window_show(struct window *w, const struct display_frame *f)
{
    if (w->shown && w->serial == f->serial)
        return;
    if (fit_texture(w, f))
        SDL_UpdateTexture(w->texture, NULL, f->pixels, f->width * (int)sizeof *f->pixels);
    present(w);
    w->serial = f->serial;
    w->shown = true;
}

/* --- keyboard and mouse --- */

static void update_title(struct window *w)
{
    char title[NAME_MAX_LEN + 80];

    snprintf(title, sizeof title, "%s - Ombra - %s", w->guest,
             w->grabbed ? "Ctrl+Alt+G releases the mouse" : "click or Ctrl+Alt+G takes the mouse");
    SDL_SetWindowTitle(w->sdl, title);
}

static void send_key(struct window *w, const struct frontend_events *ev, unsigned key, bool down)
{
    u8 bit = (u8)BIT(key & 7);

    /* An up without a down belongs to a key that focus or grab already let go. */
    if (!down && !(w->down[key >> 3] & bit))
        return;
    if (down)
        w->down[key >> 3] |= bit;
    else
        w->down[key >> 3] &= (u8)~bit;
    if (ev->key)
        ev->key(ev->ctx, (enum key)key, down);
}

static void send_mouse(struct window *w, const struct frontend_events *ev, int dx, int dy, int dz)
{
    if (ev->mouse)
        ev->mouse(ev->ctx, dx, dy, dz, w->buttons);
}

static void release_all(struct window *w, const struct frontend_events *ev)
{
    for (unsigned key = 0; key < 256; key++)
        send_key(w, ev, key, false);
    if (w->buttons) {
        w->buttons = 0;
        send_mouse(w, ev, 0, 0, 0);
    }
}

static void set_grab(struct window *w, bool on)
{
    if (w->grabbed == on)
        return;
    w->grabbed = on;
    SDL_SetRelativeMouseMode(on ? SDL_TRUE : SDL_FALSE);
    SDL_SetWindowGrab(w->sdl, on ? SDL_TRUE : SDL_FALSE);
    update_title(w);
}

/* Ctrl+Alt+letter is ours. True if the key was taken. */
static bool hotkey(struct window *w, const struct frontend_events *ev, const SDL_Keysym *k)
{
    if (!(k->mod & KMOD_CTRL) || !(k->mod & KMOD_ALT))
        return false;
    switch (k->scancode) {
    case SDL_SCANCODE_G:
        /* The guest must not be left with Ctrl and Alt down. */
        release_all(w, ev);
        set_grab(w, !w->grabbed);
        return true;
    case SDL_SCANCODE_F:
        release_all(w, ev);
        SDL_SetWindowFullscreen(
            w->sdl, (SDL_GetWindowFlags(w->sdl) & SDL_WINDOW_FULLSCREEN) ? 0 : SDL_WINDOW_FULLSCREEN_DESKTOP);
        w->shown = false;
        return true;
    case SDL_SCANCODE_S:
        release_all(w, ev);
        if (ev->screenshot)
            ev->screenshot(ev->ctx);
        return true;
    case SDL_SCANCODE_I:
        release_all(w, ev);
        if (ev->inspect)
            ev->inspect(ev->ctx);
        return true;
    default:
        return false;
    }
}

static void key_event(struct window *w, const struct frontend_events *ev, const SDL_KeyboardEvent *e)
{
    unsigned key = (unsigned)e->keysym.scancode;
    bool down = e->type == SDL_KEYDOWN;

    if (e->repeat) /* the guest's keyboard repeats by itself */
        return;
    if (down && hotkey(w, ev, &e->keysym))
        return;
    /* What some hosts call the shifted meanings of two keys. */
    if (key == SDL_SCANCODE_SYSREQ)
        key = KEY_PRINTSCREEN;
    else if (key == SDL_SCANCODE_CANCEL)
        key = KEY_PAUSE;
    if (keymap_known(key))
        send_key(w, ev, key, down);
}

static void button_event(struct window *w, const struct frontend_events *ev, const SDL_MouseButtonEvent *e)
{
    unsigned bit = e->button == SDL_BUTTON_LEFT     ? MOUSE_LEFT
                   : e->button == SDL_BUTTON_RIGHT  ? MOUSE_RIGHT
                   : e->button == SDL_BUTTON_MIDDLE ? MOUSE_MIDDLE
                                                    : 0;

    if (!w->grabbed) {
        /* The click that takes the mouse is not the guest's. */
        if (e->type == SDL_MOUSEBUTTONDOWN)
            set_grab(w, true);
        return;
    }
    if (e->type == SDL_MOUSEBUTTONDOWN)
        w->buttons |= bit;
    else
        w->buttons &= ~bit;
    send_mouse(w, ev, 0, 0, 0);
}

static void window_event(struct window *w, const struct frontend_events *ev, const SDL_WindowEvent *e)
{
    switch (e->event) {
    case SDL_WINDOWEVENT_FOCUS_LOST:
        release_all(w, ev);
        set_grab(w, false);
        break;
    case SDL_WINDOWEVENT_RESIZED:
        if ((e->data1 != w->auto_w || e->data2 != w->auto_h) &&
            !(SDL_GetWindowFlags(w->sdl) & (SDL_WINDOW_FULLSCREEN | SDL_WINDOW_MAXIMIZED)))
            w->sized_by_person = true;
        present(w);
        break;
    case SDL_WINDOWEVENT_SIZE_CHANGED:
    case SDL_WINDOWEVENT_EXPOSED:
        present(w);
        break;
    default:
        break;
    }
}

static void dispatch(struct window *w, const struct frontend_events *ev, const SDL_Event *e)
{
    switch (e->type) {
    case SDL_QUIT:
        if (ev->quit)
            ev->quit(ev->ctx);
        break;
    case SDL_WINDOWEVENT:
        window_event(w, ev, &e->window);
        break;
    case SDL_KEYDOWN:
    case SDL_KEYUP:
        key_event(w, ev, &e->key);
        break;
    case SDL_MOUSEMOTION:
        if (w->grabbed)
            send_mouse(w, ev, e->motion.xrel, e->motion.yrel, 0);
        break;
    case SDL_MOUSEBUTTONDOWN:
    case SDL_MOUSEBUTTONUP:
        button_event(w, ev, &e->button);
        break;
    case SDL_MOUSEWHEEL:
        if (w->grabbed)
            send_mouse(w, ev, 0, 0, e->wheel.direction == SDL_MOUSEWHEEL_FLIPPED ? e->wheel.y : -e->wheel.y);
        break;
    case SDL_RENDER_TARGETS_RESET:
    case SDL_RENDER_DEVICE_RESET:
        if (w->texture)
            SDL_DestroyTexture(w->texture);
        w->texture = NULL;
        w->shown = false;
        break;
    default:
        break;
    }
}

void window_pump(struct window *w, const struct frontend_events *events, unsigned wait_ms)
{
    SDL_Event e;
    bool any = wait_ms ? SDL_WaitEventTimeout(&e, (int)wait_ms) : SDL_PollEvent(&e);

    while (any) {
        dispatch(w, events, &e);
        any = SDL_PollEvent(&e);
    }
}

/* --- life --- */

static int create(struct window *w, bool fullscreen)
{
    u32 flags = SDL_WINDOW_RESIZABLE | SDL_WINDOW_ALLOW_HIGHDPI | (fullscreen ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0);

    w->auto_w = FIRST_WIDTH;
    w->auto_h = FIRST_HEIGHT;
    w->sdl =
        SDL_CreateWindow("Ombra", SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED, FIRST_WIDTH, FIRST_HEIGHT, flags);
    if (!w->sdl)
        return -ENODEV;
    w->renderer = SDL_CreateRenderer(w->sdl, -1, 0);
    if (!w->renderer)
        w->renderer = SDL_CreateRenderer(w->sdl, -1, SDL_RENDERER_SOFTWARE);
    return w->renderer ? 0 : -ENODEV;
}

int window_open(const struct window_config *config, struct window **out, char *err, size_t err_len)
{
    struct window *w = calloc(1, sizeof *w);

    *out = NULL;
    if (!w) {
        snprintf(err, err_len, "not enough memory for a window");
        return -ENOMEM;
    }
    w->scale = config->scale;
    snprintf(w->guest, sizeof w->guest, "%s", config->guest ? config->guest : "guest");
    /* The guest's Alt+F4 is the guest's; an idle guest should not keep the screen lit. */
    SDL_SetHint(SDL_HINT_WINDOWS_NO_CLOSE_ON_ALT_F4, "1");
    SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
    SDL_SetHint(SDL_HINT_GRAB_KEYBOARD, "1");
    if (SDL_InitSubSystem(SDL_INIT_VIDEO)) {
        snprintf(err, err_len, "no display for a window (%s); use --display terminal or --display none",
                 SDL_GetError());
        free(w);
        return -ENODEV;
    }
    if (create(w, config->fullscreen)) {
        snprintf(err, err_len, "cannot open a window (%s); use --display terminal or --display none", SDL_GetError());
        window_close(w);
        return -ENODEV;
    }
    update_title(w);
    present(w);
    *out = w;
    return 0;
}

void window_close(struct window *w)
{
    if (!w)
        return;
    if (w->texture)
        SDL_DestroyTexture(w->texture);
    if (w->renderer)
        SDL_DestroyRenderer(w->renderer);
    if (w->sdl)
        SDL_DestroyWindow(w->sdl);
    SDL_QuitSubSystem(SDL_INIT_VIDEO);
    free(w);
}
