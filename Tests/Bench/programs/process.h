// What the kernel says of a process, from /proc.
#ifndef PROCESS_H
#define PROCESS_H

#include <stdio.h>
#include <string.h>
#include <unistd.h>

// The CPU seconds a process has taken so far, in user and kernel mode; 0 when there is no such process.
static double cpu_seconds_of(int pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE *file = fopen(path, "r");
  if (!file) return 0;
  char text[2048];
  size_t length = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[length] = 0;
  // The name of the program stands in parentheses and may hold anything, spaces too.
  char *after_name = strrchr(text, ')');
  if (!after_name) return 0;
  unsigned long user = 0, system = 0;
  sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
  return (user + system) / (double)sysconf(_SC_CLK_TCK);
}

// The memory of a process that is in RAM, in KiB; 0 when there is no such process.
static long resident_kib_of(int pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  FILE *file = fopen(path, "r");
  if (!file) return 0;
  char line[256];
  long kib = 0;
  while (fgets(line, sizeof line, file)) {
    if (sscanf(line, "VmRSS: %ld", &kib) == 1) break;
  }
  fclose(file);
  return kib;
}

#endif
