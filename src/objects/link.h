// Link: an attachment as an object. It ends when its last reference (fd, pin) is dropped or by LINK_DETACH.
//
// Each kind of link derives from it in attach/. Subclasses call their detach() from their destructor, since
// the hook holds no reference to the link.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "abi/info.h"
#include "base/ref.h"
#include "base/result.h"
#include "objects/id_table.h"
#include "objects/program.h"

namespace skep::objects {

// What a link says about itself besides type, id and program: its part of abi::bpf_link_info.
struct LinkDetails {
  abi::bpf_link_info info{};
  size_t end = 0;  // where the type's part ends, from the start of the struct
  // Where the client's pointer for a name stands (its length follows it); 0: the type has none.
  size_t text_offset = 0;
  std::string text;
};

class Link : public RefCounted {
 public:
  ~Link() override;

  uint32_t type() const { return type_; }  // abi::BPF_LINK_TYPE_*
  uint32_t id() const { return id_; }
  Ref<Program> program() const;

  // LINK_DETACH. Types without it answer EOPNOTSUPP, as Linux does.
  virtual Status detach();
  // LINK_UPDATE; `old_program` is null unless BPF_F_REPLACE was given. EPERM: not the old program.
  // Types without it answer EINVAL.
  virtual Status update(Ref<Program> new_program, const Ref<Program>& old_program);
  virtual LinkDetails details() const = 0;

 protected:
  Link(uint32_t type, Ref<Program> program);
  // The old one, which readers may still run: drop it after a grace period.
  [[nodiscard]] Ref<Program> exchange_program(Ref<Program> program);

 private:
  friend class Kernel;
  const uint32_t type_;
  mutable std::mutex mutex_;
  Ref<Program> program_;
  uint32_t id_ = 0;
  IdLease lease_;
};

}  // namespace skep::objects
