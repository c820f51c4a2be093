/* HTTP server for failing_allocations.c: canned answers in cleartext on loopback. An answer depends
   on its request alone, not on earlier ones. */
#ifndef MIC_CANNED_SERVER_H
#define MIC_CANNED_SERVER_H

/* Starts it in a child process that ends with this one. Returns the port. */
int canned_server_start(void);

#endif
