#include "app/reload.h"

#include <algorithm>
#include <thread>

#include "base/log.h"

namespace sluice::app {
namespace {

using Clock = std::chrono::steady_clock;

std::string changed_key(const std::map<std::string, std::string>& before, const std::map<std::string, std::string>& now) {
  for (const auto& [key, text] : before)
    if (const auto found = now.find(key); found == now.end() || found->second != text) return key;
  for (const auto& [key, text] : now)
    if (!before.contains(key)) return key;
  return {};
}

}  // namespace

void Workers::start() {
  running_ = true;
  for (const auto& [name, keys] : remote_keys_) keys->start();
  for (const auto& authorizer : authorizers_) authorizer->start();
}

void Workers::stop() {
  if (!std::exchange(running_, false)) return;
  for (const auto& authorizer : authorizers_) authorizer->stop();
  for (const auto& [name, keys] : remote_keys_) keys->stop();
}

std::string Workers::wait_for_keys() const {
  const auto deadline = Clock::now() + kKeysTimeout;
  for (const auto& [name, keys] : remote_keys_) {
    while (!keys->ready()) {
      if (Clock::now() >= deadline) return name;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  return {};
}

void InForce::set(const Config& config) {
  const std::lock_guard lock(mutex_);
  text_ = config.text;
  remote_keys_ = config.remote_keys;
}

std::string InForce::text() const {
  const std::lock_guard lock(mutex_);
  return text_;
}

void InForce::sample(std::vector<gateway::Sample>& samples) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, keys] : remote_keys_) {
    samples.push_back({"sluice_key_set_age_seconds",
                       "Since the last success of fetching an issuer's keys; -1: never.",
                       false,
                       {{"issuer", name}},
                       static_cast<double>(keys->age_s())});
    samples.push_back({"sluice_key_set_failures",
                       "Fetches of an issuer's keys that failed since the last success.",
                       false,
                       {{"issuer", name}},
                       static_cast<double>(keys->failures())});
  }
}

Reloader::Reloader(std::string path, const Environment& environment, const Config& config, std::unique_ptr<Workers> workers,
                   gateway::Gateway& gateway, gateway::Metrics& metrics, InForce& in_force)
    : path_(std::move(path)),
      environment_(environment),
      fixed_(config.fixed),
      watching_(config.watch),
      watch_(config.files),
      workers_(std::move(workers)),
      gateway_(gateway),
      metrics_(metrics),
      in_force_(in_force) {}

void Reloader::look(bool asked) {
  stop_retired();
  const bool changed = watching_ && watch_.settled_change();
  if (!asked && !changed) return;
  const auto reloaded = reload();
  metrics_.reloaded(reloaded.has_value());
  if (reloaded)
    log::info("configuration_reloaded", {{"file", path_}});
  else
    log::error("configuration_kept", {{"file", path_}, {"reason", reloaded.error()}});
}

std::expected<void, std::string> Reloader::reload() {
  auto config = load_config(path_, environment_);
  if (!config) return std::unexpected(config.error().message);
  if (const std::string key = changed_key(fixed_, config->fixed); !key.empty())
    return std::unexpected(key + ": has changed, which needs a restart");
  auto workers = std::make_unique<Workers>(*config);
  workers->start();
  if (const std::string missing = workers->wait_for_keys(); !missing.empty())
    return std::unexpected("identity '" + missing + "': its keys could not be fetched");

  log::set_level(config->log_level);
  in_force_.set(*config);
  auto in_use = gateway_.reload(std::move(config->gateway));
  retired_.push_back({std::exchange(workers_, std::move(workers)), std::move(in_use)});
  watching_ = config->watch;
  watch_ = FileWatch(config->files);
  return {};
}

void Reloader::stop_retired() {
  std::erase_if(retired_, [](const Retired& retired) { return retired.in_use.expired(); });
}

}  // namespace sluice::app
