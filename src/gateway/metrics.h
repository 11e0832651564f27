// Counts of what the gateway does, in Prometheus's text format. No label holds anything a client chose. Any thread.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

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

  std::string text() const;

 private:
  std::shared_ptr<prometheus::Registry> registry_;
  // By route and the status's first digit, looked up once: a request costs one atomic increment.
  std::array<std::array<prometheus::Counter*, 6>, kRoutes> answered_;
  prometheus::Family<prometheus::Counter>& refused_;
  prometheus::Counter& minted_;
  prometheus::Counter& asked_origin_;
  prometheus::Gauge& held_;
};

}  // namespace sluice::gateway
