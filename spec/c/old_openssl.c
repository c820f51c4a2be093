/* Program with its own older OpenSSL, as the dynamic linker sees it. */
unsigned long OpenSSL_version_num(void);

unsigned long OpenSSL_version_num(void) {
  return 0x1010117fUL;
}
