/* A server for spec/c/failing_allocations.c: canned answers over cleartext HTTP on loopback, chosen
   by the request alone, so that it does not matter which calls came before. */
#ifndef MIC_CANNED_SERVER_H
#define MIC_CANNED_SERVER_H

/* Starts it in a process of its own, which ends with this one; returns the port. */
int canned_server_start(void);

#endif
