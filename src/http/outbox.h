// What a connection has still to send: pieces of memory handed to the kernel together, without copying bodies.
//
// Bytes given as text live in the outbox; Buffers are kept alive until they are sent. It is used again and again and keeps
// its memory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"

namespace sluice::http {

class Outbox {
 public:
  enum class Sent : std::uint8_t { kAll, kBlocked, kFailed };

  // Text goes out before the Buffers added after it. References to text() are valid until the next call of anything.
  std::string& text() { return text_; }
  void add(Buffer buffer);

  bool empty() const { return text_.empty() && pieces_.empty(); }

  // One sendmsg() where the kernel takes all. Never blocks, never raises SIGPIPE.
  Sent send(int socket);

  void clear();

 private:
  struct Piece {
    std::size_t text_end;  // the text before this Buffer ends here
    Buffer buffer;
  };

  std::size_t gather(struct iovec* out, std::size_t max) const;
  void advance(std::size_t bytes);

  std::string text_;
  std::vector<Piece> pieces_;
  std::size_t text_sent_ = 0;   // bytes of text_
  std::size_t piece_ = 0;       // the first Buffer not sent whole
  std::size_t piece_sent_ = 0;  // bytes of it
};

}  // namespace sluice::http
