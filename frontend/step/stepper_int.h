/*
 * stepper_int.h - between stepper.c and stepper_run.c.
 */
#ifndef OMBRA_FRONTEND_STEP_STEPPER_INT_H
#define OMBRA_FRONTEND_STEP_STEPPER_INT_H

#include "frontend/step/stepper.h"

/* Keeps the state from which changes count. */
void stepper_note(struct stepper *s);

/* Whether one of the person's stops is AT and its condition holds; then WHY names it. */
bool stepper_stops_at(struct stepper *s, const struct stop *at);

/* Stops that are for the run in hand only. */
/* Tells the debugger all stops once more. */
void stepper_stops_again(struct stepper *s);

bool stepper_has_once(const struct stepper *s);
void stepper_drop_once(struct stepper *s);

#endif
