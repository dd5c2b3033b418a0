// BtfObject: BTF with an id: what BTF_LOAD makes, or the virtual kernel's own ("vmlinux").
#pragma once

#include <cstdint>
#include <string>

#include "base/ref.h"
#include "btf/btf.h"
#include "objects/id_table.h"

namespace skep::objects {

class BtfObject : public RefCounted {
 public:
  // `name` is empty for BTF that a client loaded.
  explicit BtfObject(Ref<const btf::Btf> btf, std::string name = {}, bool kernel = false);
  ~BtfObject() override;

  const Ref<const btf::Btf>& btf() const { return btf_; }
  const std::string& name() const { return name_; }
  bool kernel() const { return kernel_; }
  uint32_t id() const { return id_; }

 private:
  friend class Kernel;
  Ref<const btf::Btf> btf_;
  std::string name_;
  bool kernel_;
  uint32_t id_ = 0;
  IdLease lease_;
};

}  // namespace skep::objects
