// The memory that answers are made in, one for each thread of the server.
//
// Whoever makes an answer borrows it, and gives it back when the answer is sent, or when it turns out that there is
// something to wait for: so thousands of held requests keep none, and what is written for one after the other lies in the
// processor's cache. Where it is out, as while a slow client is sent to, the next takes memory of its own, and leaves it
// here.
#pragma once

#include <utility>
#include <vector>

#include "base/buffer.h"
#include "http/message.h"
#include "http/outbox.h"

namespace sluice::http {

class AnswerMemory {
 public:
  // To what is empty.
  void lend(Response& to) {
    lend(fields_, to.fields);
    lend(buffers_, to.buffers);
  }
  void lend(Outbox& to) { lend(outbox_, to); }

  // `from` is empty then, and has no memory.
  void take_back(Response& from) {
    take_back(fields_, from.fields);
    take_back(buffers_, from.buffers);
  }
  void take_back(Outbox& from) { take_back(outbox_, from); }

  // `of` keeps what is in it, in no more memory than that takes.
  void leave_little(Response& of) {
    Fields little = of.fields;
    std::swap(of.fields, little);
    take_back(fields_, little);
    if (of.buffers.empty()) take_back(buffers_, of.buffers);
  }

 private:
  using Buffers = std::vector<Buffer>;
  static constexpr std::size_t kBytesKept = 8 * 1024;  // what a larger answer took is given back

  static std::size_t memory_of(const Buffers& buffers) { return buffers.capacity() * sizeof(Buffer); }
  template <typename T>
  static std::size_t memory_of(const T& of) {
    return of.memory();
  }

  template <typename T>
  static void lend(T& mine, T& to) {
    if (memory_of(to) == 0) std::swap(mine, to);
  }

  template <typename T>
  static void take_back(T& mine, T& from) {
    from.clear();
    if (memory_of(mine) == 0 && memory_of(from) <= kBytesKept) std::swap(mine, from);
    T none;
    std::swap(from, none);  // assigned, a string would keep its memory
  }

  Fields fields_;
  Buffers buffers_;
  Outbox outbox_;
};

}  // namespace sluice::http
