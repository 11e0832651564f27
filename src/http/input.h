// The bytes a connection has received and not yet read.
//
// Reads go into a block of the thread's pool; most requests are parsed right there and never copied. What is left when the
// block must be given back or read into again (half a request, a pipelined one) is kept aside. A connection that waits for
// its answer holds no block.
#pragma once

#include <boost/asio/buffer.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::http {

// Blocks of one thread.
class ReadBlocks {
 public:
  static constexpr std::size_t kBlockBytes = 4 * 1024;  // a browser's request with a 1 kB token is half of it
  static constexpr std::size_t kFreeMax = 256;          // 1 MB a thread is kept for the next burst

  using Block = std::unique_ptr<char[]>;

  Block take();
  void give(Block block);

 private:
  std::vector<Block> free_;
};

class Input {
 public:
  explicit Input(ReadBlocks& blocks) : blocks_(blocks) {}
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  ~Input() { release(); }

  // Where to receive next; what is unread is kept aside first. Views from unread() end here.
  boost::asio::mutable_buffer space();
  void filled(std::size_t bytes);  // of space()

  std::string_view unread() const { return unread_; }
  void consume(std::size_t bytes) { unread_.remove_prefix(bytes); }

  // Adds bytes received by other means. Views from unread() end here.
  void append(std::string_view bytes);

  // Gives the block back. Views from unread() end here.
  void release();

 private:
  void keep();

  ReadBlocks& blocks_;
  ReadBlocks::Block block_;
  std::string kept_;
  std::string_view unread_;  // in block_ or at the end of kept_
};

}  // namespace sluice::http
