#include "http/input.h"

#include <utility>

namespace sluice::http {

ReadBlocks::Block ReadBlocks::take() {
  if (free_.empty()) return std::make_unique_for_overwrite<char[]>(kBlockBytes);
  Block block = std::move(free_.back());
  free_.pop_back();
  return block;
}

void ReadBlocks::give(Block block) {
  if (free_.size() < kFreeMax) free_.push_back(std::move(block));
}

boost::asio::mutable_buffer Input::space() {
  keep();
  if (!block_) block_ = blocks_.take();
  return {block_.get(), ReadBlocks::kBlockBytes};
}

void Input::filled(std::size_t bytes) {
  if (unread_.empty()) {
    unread_ = {block_.get(), bytes};
  } else {
    append({block_.get(), bytes});
  }
}

void Input::append(std::string_view bytes) {
  keep();
  kept_.append(bytes);
  unread_ = kept_;
}

void Input::release() {
  keep();
  if (block_) blocks_.give(std::move(block_));
}

void Input::keep() {
  if (unread_.empty()) {
    kept_ = std::string();
    unread_ = {};
  } else if (unread_.data() < kept_.data() || unread_.data() >= kept_.data() + kept_.size()) {
    kept_.assign(unread_);
  } else {
    kept_.erase(0, static_cast<std::size_t>(unread_.data() - kept_.data()));
  }
  if (!unread_.empty()) unread_ = kept_;
}

}  // namespace sluice::http
