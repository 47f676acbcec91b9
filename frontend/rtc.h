/*
 * rtc.h - what the clock chip is to show at power-on, from --rtc.
 */
#ifndef OMBRA_FRONTEND_RTC_H
#define OMBRA_FRONTEND_RTC_H

#include "base/types.h"

/* "utc" (or NULL), "local", or a date as 1999-12-31 or 1999-12-31T23:59:50; the chip then shows *SECONDS since 1970. 0
 * or -EINVAL. */
int rtc_parse(const char *text, s64 *seconds);

#endif
