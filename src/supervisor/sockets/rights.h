// ClientRights: while it lives, this thread has no capability that the client lacks, so that a call made for
// the client succeeds only where the client's own would (privileged ports, SO_MARK, raw sockets).
//
// Free of cost where the supervisor has no capability to begin with.
#pragma once

#include <cstdint>

#include "supervisor/client.h"

namespace skep::supervisor {

class ClientRights {
 public:
  // `keep`: capabilities, by bit, that a program grants for this call.
  explicit ClientRights(Client& client, uint64_t keep = 0);
  ~ClientRights();
  ClientRights(const ClientRights&) = delete;
  ClientRights& operator=(const ClientRights&) = delete;

 private:
  uint64_t before_ = 0;
  bool changed_ = false;
};

}  // namespace skep::supervisor
