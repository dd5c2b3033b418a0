// BtfObject: BTF with an id: what BTF_LOAD makes, or the virtual kernel's own ("vmlinux").
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/ref.h"
#include "btf/btf.h"
#include "objects/id_table.h"

namespace skep::objects {

class BtfObject : public RefCounted {
 public:
  // `name` is empty for BTF that a client loaded.
  BtfObject(Ref<btf::Btf> btf, std::vector<std::byte> data, std::string name = {}, bool kernel = false);
  ~BtfObject() override;

  const Ref<btf::Btf>& btf() const { return btf_; }
  const std::vector<std::byte>& data() const { return data_; }  // as loaded
  const std::string& name() const { return name_; }
  bool kernel() const { return kernel_; }
  uint32_t id() const { return id_; }

 private:
  friend class Kernel;
  Ref<btf::Btf> btf_;
  std::vector<std::byte> data_;
  std::string name_;
  bool kernel_;
  uint32_t id_ = 0;
  IdLease lease_;
};

}  // namespace skep::objects
