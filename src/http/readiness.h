// What the sockets of one io_context are ready for, found out for all of them together.
//
// Asio asks the kernel anew for each wait on each socket, and makes an operation for it. Here a socket is registered once,
// edge-triggered, for everything; what became ready is fetched in batches, and the batch is one event of Asio's. So a
// request on a kept-alive connection costs a receive and a send, and a share of a turn; and who waits costs nothing but its
// place.
//
// Edge-triggered means: ready() is called when something has happened since the last call, not again for what was left
// unread or unwritten then. A socket that is ready when it is added is told so.
//
// Everything of one io_context happens on its thread. The service lives as long as it; closing a socket takes it out.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/task.h"

namespace sluice::http {

class Readiness final : public boost::asio::execution_context::service {
 public:
  static boost::asio::execution_context::id id;

  class Watched {
   public:
    // EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR. May destroy this and others.
    virtual void ready(std::uint32_t events) = 0;

   protected:
    ~Watched() = default;
  };

  // Throws std::system_error where the process may open no more files.
  explicit Readiness(boost::asio::io_context& context);

  // False where the kernel refuses it.
  bool add(int socket, Watched& watched);
  // Not called again. Before it is destroyed, whether or not its socket is closed already.
  void forget(const Watched& watched);

 private:
  static constexpr std::size_t kBatch = 128;  // before other work of the io_context gets its turn

  void shutdown() override { epoll_.reset(); }
  void wait();
  void tell_batch();

  std::optional<boost::asio::posix::basic_stream_descriptor<Executor>> epoll_;
  std::array<epoll_event, kBatch> batch_{};
  std::size_t told_ = 0;     // of the batch,
  std::size_t batched_ = 0;  // which has so many
};

}  // namespace sluice::http
