// A server that answers every request at once from memory: what http/ itself costs (bench/healthz/run.py measures it).
// `/held` is never answered: what a held request costs in memory.
//
//     http_hello_bench [ADDRESS]     127.0.0.1:4000; one thread a core it may run on
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <csignal>
#include <cstdio>

#include "http/server.h"

namespace {

using sluice::Buffer;
using sluice::Task;

class Hello final : public sluice::http::Handler {
 public:
  Task<void> handle(const sluice::http::Request& request, sluice::http::Response& response) override {
    if (request.path == "/held") return hold();
    if (request.path != "/healthz") response.status = 404;
    response.fields.add("Content-Type", "text/plain");
    response.fields.add("Cache-Control", "no-store");
    response.buffers.push_back(Buffer::of_static("ok\n"));
    return {};
  }

 private:
  static Task<void> hold() {
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, std::chrono::hours(24));
    co_await timer.async_wait(sluice::use_task);
  }
};

}  // namespace

int main(int argc, char** argv) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  Hello hello;
  sluice::http::ServerOptions options;
  options.listen = {argc > 1 ? argv[1] : "127.0.0.1:4000"};
  sluice::http::Server server(options, hello);
  server.start();
  std::printf("listening on %s\n", server.addresses().front().c_str());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  server.stop();
  server.join();
}
