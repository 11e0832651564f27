// One thread of the server: its io_context, its listening sockets, its connections.
//
// Everything but the counters, the constructor and the functions said to be callable from any thread belongs to the
// worker's thread.
#pragma once

#include <atomic>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <list>
#include <memory>
#include <vector>

#include "http/answer_memory.h"
#include "http/connection.h"
#include "http/deadlines.h"
#include "http/input.h"
#include "http/server.h"

namespace sluice::http {

// Written by one thread, read by any.
class Counter {
 public:
  void add(std::int64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) + static_cast<std::uint64_t>(n), std::memory_order_relaxed);
  }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// What the workers of a server have in common.
struct ServerShared {
  ServerLimits limits;
  Handler& handler;
  std::atomic<std::size_t> connections{0};  // open, over all workers
};

class Worker {
 public:
  using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, Executor>;

  struct Counters {
    Counter accepted, refused, requests, bad_requests;
  };

  Worker(ServerShared& shared, unsigned index);

  // Binds one more address; throws std::system_error. The endpoint with its real port.
  boost::asio::ip::tcp::endpoint listen(const boost::asio::ip::tcp::endpoint& endpoint);

  void run();       // until stopped: the thread's body
  void stop();      // any thread
  void stop_now();  // any thread

  boost::asio::io_context& context() { return context_; }
  const Counters& counters() const { return counters_; }

  // For connections.
  Counters& count() { return counters_; }
  const ServerLimits& limits() const { return shared_.limits; }
  Handler& handler() { return shared_.handler; }
  ReadBlocks& blocks() { return blocks_; }
  AnswerMemory& answer_memory() { return answer_memory_; }
  Readiness& readiness() { return readiness_; }
  bool draining() const { return draining_; }
  void connection_opened(Connection& connection);
  void connection_closed();

 private:
  // Refused connections that are being told so; beyond, they are closed without a word.
  static constexpr std::size_t kRefusingMax = 64;
  static constexpr std::chrono::milliseconds kAcceptPause{100};
  static constexpr int kAcceptedInARow = 64;  // before the connections that are open get their turn
  static constexpr std::chrono::milliseconds kAbortGrace{1'000};

  using Connections = boost::intrusive::list<Connection, boost::intrusive::constant_time_size<false>>;

  // Runs a function once when its time has come.
  class Alarm final : public Deadline {
   public:
    Alarm(Worker& worker, void (Worker::*then)()) : Deadline(worker.context_), worker_(worker), then_(then) {}

   private:
    void expired() override { (worker_.*then_)(); }
    Worker& worker_;
    void (Worker::*then_)();
  };

  void accept(Acceptor& acceptor);
  void accept_waiting(Acceptor& acceptor);
  bool accept_one(Acceptor& acceptor);
  void open(OwnedDescriptor socket, const boost::asio::ip::tcp::endpoint& peer);
  void resume_accepting();
  void drain();
  void abort_all();
  void finish();

  ServerShared& shared_;
  const unsigned index_;
  Counters counters_;
  ReadBlocks blocks_;
  AnswerMemory answer_memory_;
  Connections connections_;
  std::size_t open_ = 0;
  std::uint64_t next_id_ = 0;
  bool draining_ = false;
  bool aborting_ = false;
  std::vector<Acceptor*> paused_;
  // Destroyed before what is above: its coroutines own the connections.
  boost::asio::io_context context_{1};
  Readiness& readiness_ = boost::asio::use_service<Readiness>(context_);
  std::list<Acceptor> acceptors_;
  Alarm drain_over_{*this, &Worker::abort_all};
  Alarm abort_over_{*this, &Worker::finish};
  Alarm accept_again_{*this, &Worker::resume_accepting};
};

}  // namespace sluice::http
