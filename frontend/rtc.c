/*
 * rtc.c - the date of --rtc.
 */
#define _GNU_SOURCE /* timegm, tm_gmtoff */
#include "frontend/rtc.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

int rtc_parse(const char *text, s64 *seconds)
{
    struct tm tm = {0};
    time_t now = time(NULL);
    if (!text || strcmp(text, "utc") == 0) {
        *seconds = now;
        return 0;
    }
    if (strcmp(text, "local") == 0) {
        localtime_r(&now, &tm);
        *seconds = now + tm.tm_gmtoff;
        return 0;
    }
    int day = 0, second = 0, n = (int)strlen(text);
    sscanf(text, "%4d-%2d-%2d%nT%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &day, &tm.tm_hour, &tm.tm_min,
           &tm.tm_sec, &second);
    struct tm given = tm;
    tm.tm_year -= 1900;
    tm.tm_mon--;
    *seconds = timegm(&tm);
    /* timegm() carries over: a date that it had to change is none. */
    bool same = tm.tm_year == given.tm_year - 1900 && tm.tm_mon == given.tm_mon - 1 && tm.tm_mday == given.tm_mday &&
                tm.tm_hour == given.tm_hour && tm.tm_min == given.tm_min && tm.tm_sec == given.tm_sec;
    return n > 0 && (n == day || n == second) && same && given.tm_year >= 1 ? 0 : -EINVAL;
}
