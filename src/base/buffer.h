// A view of bytes together with what keeps them alive.
//
// The bytes never change once a Buffer of them exists, so one encoded chunk can be written to a thousand connections on
// several threads at once. Copying costs one atomic increment; a Buffer over static storage has no owner and costs none.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace sluice {

class Buffer {
 public:
  Buffer() = default;

  // Bytes that outlive every use: string literals, tables.
  static Buffer of_static(std::string_view bytes) { return Buffer(nullptr, bytes); }

  // Takes the string and freezes it.
  static Buffer of(std::string bytes) {
    auto owner = std::make_shared<const std::string>(std::move(bytes));
    std::string_view view = *owner;
    return Buffer(std::move(owner), view);
  }

  // A part of something that others hold too; `bytes` must lie within what `owner` keeps alive.
  Buffer(std::shared_ptr<const void> owner, std::string_view bytes) : owner_(std::move(owner)), bytes_(bytes) {}

  std::string_view bytes() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }

  // The first `size` bytes, of the same owner.
  Buffer prefix(std::size_t size) const { return Buffer(owner_, bytes_.substr(0, size)); }

 private:
  std::shared_ptr<const void> owner_;
  std::string_view bytes_;
};

}  // namespace sluice
