/*
 * keyscript_int.h - what the parser of --keys hands to the runner. Only keyscript*.c include it.
 */
#ifndef OMBRA_FRONTEND_KEYSCRIPT_INT_H
#define OMBRA_FRONTEND_KEYSCRIPT_INT_H

#include "frontend/keyscript.h"

enum keyscript_kind {
    KS_WAIT,
    KS_WAIT_SERIAL,
    KS_TIMEOUT,
    KS_TYPE,
    KS_KEY,
    KS_DOWN,
    KS_UP,
    KS_RATE,
    KS_SLEEP,
    KS_SEND,
    KS_MOUSE,
    KS_CLICK,
    KS_SCREENSHOT,
    KS_DUMP,
    KS_QUIT,
};

enum { KS_CHORD_MAX = 8, KS_STATEMENTS_MAX = 1 << 20 };

struct keyscript_statement {
    enum keyscript_kind kind;
    u32 line, column;
    char *text; /* terminated; may hold zeros for type and send */
    size_t len;
    u64 ns;
    int number[3];         /* mouse: x, y, wheel; click: button; quit: status */
    u8 keys[KS_CHORD_MAX]; /* pressed in this order */
    u8 key_count;
};

struct keyscript_list {
    struct keyscript_statement *item;
    size_t count, cap;
};

/* Fills LIST; on error it is empty again and ERR says why. */
int keyscript_parse_list(const char *text, size_t len, const char *name, struct keyscript_list *list, char *err,
                         size_t err_len);
void keyscript_list_free(struct keyscript_list *list);

#endif
