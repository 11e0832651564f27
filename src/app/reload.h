// Taking over a changed configuration while requests run: all of it or nothing (SECURITY H70).
//
// A configuration that cannot be read, that changes what needs a restart, or whose issuers' keys cannot be had leaves the
// old one in force, and the log says why. One thread: main's.
#pragma once

#include <chrono>
#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "app/config.h"
#include "app/file_watch.h"
#include "gateway/gateway.h"
#include "gateway/metrics.h"

namespace sluice::app {

// Longer than fetching a key set may take, its discovery included (identity/remote_keys.h).
inline constexpr std::chrono::seconds kKeysTimeout{10};

// What of a configuration has threads of its own.
class Workers {
 public:
  explicit Workers(const Config& config) : remote_keys_(config.remote_keys), authorizers_(config.authorizers) {}
  ~Workers() { stop(); }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  void start();
  void stop();
  // Empty as soon as every issuer's keys are there, else, after kKeysTimeout, the name of one whose are not.
  std::string wait_for_keys() const;

 private:
  std::vector<std::pair<std::string, std::shared_ptr<identity::RemoteKeys>>> remote_keys_;
  std::vector<std::shared_ptr<policy::Authorizer>> authorizers_;
  bool running_ = false;
};

// The configuration in force, as the operator sees it: /admin/policy and /metrics. Any thread.
class InForce {
 public:
  explicit InForce(const Config& config) { set(config); }

  void set(const Config& config);
  std::string text() const;
  // How old each fetched key set is, and how often fetching it has failed since.
  void sample(std::vector<gateway::Sample>& samples) const;

 private:
  mutable std::mutex mutex_;
  std::string text_;
  std::vector<std::pair<std::string, std::shared_ptr<identity::RemoteKeys>>> remote_keys_;
};

class Reloader {
 public:
  // `config` is what runs, its workers started; the others outlive the Reloader.
  Reloader(std::string path, const Environment& environment, const Config& config, std::unique_ptr<Workers> workers,
           gateway::Gateway& gateway, gateway::Metrics& metrics, InForce& in_force);

  // About once a second. `asked`: by SIGHUP; else only where a file has changed.
  void look(bool asked);

 private:
  std::expected<void, std::string> reload();
  void stop_retired();

  struct Retired {
    std::unique_ptr<Workers> workers;
    std::weak_ptr<const void> in_use;  // by requests that began under the old configuration
  };

  const std::string path_;
  const Environment environment_;
  const std::map<std::string, std::string> fixed_;
  bool watching_;
  FileWatch watch_;
  std::unique_ptr<Workers> workers_;
  std::vector<Retired> retired_;
  gateway::Gateway& gateway_;
  gateway::Metrics& metrics_;
  InForce& in_force_;
};

}  // namespace sluice::app
