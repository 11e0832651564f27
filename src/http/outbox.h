// What a connection has still to send: pieces of memory handed to the kernel together, without copying bodies.
//
// Bytes given as text live in the outbox; Buffers are kept alive until they are sent. It is used again and again and keeps
// its memory. Bytes of a file go out by sendfile(); many of them, and where that file system cannot do that, piece by piece
// through memory of the thread's.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/file_bytes.h"

namespace sluice::http {

class Outbox {
 public:
  enum class Sent : std::uint8_t { kAll, kBlocked, kFailed };

  // Text goes out before the Buffers added after it. References to text() are valid until the next call of anything.
  std::string& text() { return text_; }
  void add(Buffer buffer);
  // One at a time.
  void add(FileBytes bytes);

  bool empty() const { return text_.empty() && pieces_.empty() && !file_; }

  // One sendmsg() where the kernel takes all and there is no file. The socket is non-blocking. Of a file that is sent to who
  // is gone the kernel knows no other way to tell than SIGPIPE as well: the process ignores it.
  Sent send(int socket);

  void clear();
  // From the heap, for itself, in bytes.
  std::size_t memory() const { return text_.capacity() - std::string().capacity() + pieces_.capacity() * sizeof(Piece); }

 private:
  struct Piece {
    std::size_t text_end;  // the text before this Buffer ends here
    Buffer buffer;
  };
  struct Placed {
    FileBytes left;
    std::size_t piece;     // it goes out before this one,
    std::size_t text_end;  // and behind the text up to here
  };
  enum class Step : std::uint8_t { kOn, kBlocked, kFailed };

  std::size_t gather(struct iovec* out, std::size_t max) const;
  bool at_file() const { return file_ && piece_ == file_->piece && text_sent_ == file_->text_end; }
  Step send_memory(int socket);
  Step send_file(int socket);
  Step send_through_memory(int socket);
  Step sent_of_file(ssize_t bytes);
  static Step after_error();
  void advance(std::size_t bytes);

  std::string text_;
  std::vector<Piece> pieces_;
  std::unique_ptr<Placed> file_;
  std::size_t text_sent_ = 0;   // bytes of text_
  std::size_t piece_ = 0;       // the first Buffer not sent whole
  std::size_t piece_sent_ = 0;  // bytes of it
};

}  // namespace sluice::http
