// Counts of what the gateway does, in Prometheus's text format. No label holds anything a client chose. Any thread.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace prometheus {
class Registry;
class Counter;
class Gauge;
template <typename T>
class Family;
}  // namespace prometheus

namespace sluice::gateway {

enum class Route { kGrantedShape, kNamedShape, kGatekeeper, kHealth, kNone };
inline constexpr std::size_t kRoutes = 5;

// A value that somebody else keeps, as it is when it is asked for.
struct Sample {
  std::string name;  // without a label, each name once in all
  std::string help;
  bool counter = false;  // never falls, but for a reload or a restart
  std::vector<std::pair<std::string, std::string>> labels = {};
  double value = 0;
};

// Samples alone, in the same format.
std::string metrics_text(std::vector<Sample> samples);

class Metrics {
 public:
  Metrics();
  ~Metrics();

  void answered(Route route, int status);
  void refused(std::string_view code);
  void minted();
  // A request went to the origin: nothing that was refused ever counts here.
  void asked_origin();
  void held(int change);
  // A held request was ended before its time, by the code of its refusal.
  void held_ended(std::string_view code);
  // What an authorizer decided: its configured name; "allow", "deny", "abstain", "failed".
  void decided(std::string_view authorizer, std::string_view kind);
  void reloaded(bool taken_over);

  // `source` is asked whenever text() is, on its thread: what it looks at outlives the last text().
  void sample_with(std::function<void(std::vector<Sample>&)> source);

  std::string text() const;

 private:
  class Sampler;

  std::shared_ptr<prometheus::Registry> registry_;
  // By route and the status's first digit, looked up once: a request costs one atomic increment.
  std::array<std::array<prometheus::Counter*, 6>, kRoutes> answered_;
  prometheus::Family<prometheus::Counter>& refused_;
  prometheus::Counter& minted_;
  prometheus::Counter& asked_origin_;
  prometheus::Gauge& held_;
  prometheus::Family<prometheus::Counter>& held_ended_;
  prometheus::Family<prometheus::Counter>& decided_;
  prometheus::Family<prometheus::Counter>& reloaded_;
  std::unique_ptr<Sampler> sampler_;
};

}  // namespace sluice::gateway
