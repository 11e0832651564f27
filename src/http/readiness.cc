#include "http/readiness.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace sluice::http {

boost::asio::execution_context::id Readiness::id;

Readiness::Readiness(boost::asio::io_context& context) : boost::asio::execution_context::service(context) {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  epoll_.emplace(context.get_executor(), epoll);
  wait();
}

bool Readiness::add(int socket, Watched& watched) {
  if (!epoll_) return false;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &watched;
  return ::epoll_ctl(epoll_->native_handle(), EPOLL_CTL_ADD, socket, &event) == 0;
}

void Readiness::forget(const Watched& watched) {
  for (std::size_t i = told_; i < batched_; ++i) {
    if (batch_[i].data.ptr == &watched) batch_[i].data.ptr = nullptr;
  }
}

void Readiness::wait() {
  epoll_->async_wait(boost::asio::posix::descriptor_base::wait_read, [this](const boost::system::error_code& error) {
    if (!error) tell_batch();
  });
}

void Readiness::tell_batch() {
  const int found = ::epoll_wait(epoll_->native_handle(), batch_.data(), static_cast<int>(batch_.size()), 0);
  batched_ = static_cast<std::size_t>(std::max(found, 0));
  for (told_ = 0; told_ < batched_;) {
    const epoll_event& event = batch_[told_++];
    if (event.data.ptr != nullptr) static_cast<Watched*>(event.data.ptr)->ready(event.events);
  }
  told_ = batched_ = 0;
  wait();
}

}  // namespace sluice::http
