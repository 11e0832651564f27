#include "app/questions.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include <stdexcept>

#include "gateway/state.h"

namespace sluice::app {
Questions::Questions(const std::string& path, const Environment& environment) {
  Config config = load_config_or_throw(path, environment);
  // What is said to standard output is the answer; the log goes on saying only what is wrong.
  log::set_level(log::Level::kWarn);
  if (!config.identity_names.empty()) first_identity_ = *config.identity_names.begin();
  workers_ = std::make_unique<Workers>(config);
  workers_->start();
  if (const std::string missing = workers_->wait_for_keys(); !missing.empty())
    throw std::runtime_error("identity '" + missing + "': its keys could not be fetched");
  state_ = std::make_shared<const gateway::State>(std::move(config.gateway), 0);
}

Questions::~Questions() = default;

gateway::Explanation Questions::ask(gateway::ExplainRequest request) {
  boost::asio::io_context context(1);
  auto answer =
      boost::asio::co_spawn(context, gateway::explain(state_, revocations_, std::move(request)), boost::asio::use_future);
  context.run();
  return answer.get();
}

}  // namespace sluice::app
