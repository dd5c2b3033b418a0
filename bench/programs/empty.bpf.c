#include "program.h"

PROGRAM(empty) {
  (void)input;
  return 2;
}
