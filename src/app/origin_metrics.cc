#include "app/origin_metrics.h"

#include <utility>

namespace sluice::app {

void sample_origin(const origin::EmbeddedOrigin::Stats& stats, std::vector<gateway::Sample>& samples) {
  auto add = [&](const char* name, const char* help, bool counter, double value) {
    samples.push_back({std::string("sluice_origin_") + name, help, counter, {}, value});
  };
  auto gauge = [&](const char* name, const char* help, auto value) { add(name, help, false, static_cast<double>(value)); };
  auto count = [&](const char* name, const char* help, auto value) { add(name, help, true, static_cast<double>(value)); };
  gauge("shapes", "Shapes that there are.", stats.shapes);
  gauge("log_bytes", "Of all shape logs.", stats.log_bytes);
  gauge("waiters", "Requests that wait: for a change, a snapshot or a subset.", stats.held_requests);
  gauge("standing_by", "1 while another origin has the slot or the folder.", stats.stands_by);
  gauge("storage_writable", "0 while nothing can be stored.", stats.writable);
  gauge("replication_lag_bytes", "Of the database's log, not delivered yet, when it was last looked at.", stats.lag_bytes);
  gauge("replication_lag_seconds", "Between commit and delivery, of the transaction that came last.", stats.lag_s);
  gauge("replication_retained_bytes", "Of its log that the database keeps for the slot.", stats.retained_bytes);
  gauge("seen_lsn", "Position in the database's log up to which changes are delivered.", stats.last_seen_lsn);
  gauge("durable_lsn", "Position up to which they are stored for good.", stats.durable_lsn);
  count("transactions_total", "Transactions that were followed.", stats.transactions);
  gauge("snapshots_running", "Snapshots that are being read.", stats.snapshots_running);
  count("snapshots_total", "Snapshots that were read.", stats.snapshots_done);
  count("snapshots_failed_total", "Snapshots that failed.", stats.snapshots_failed);
  count("snapshot_seconds_total", "Time that reading snapshots took.", stats.snapshots_s);
  count("evictions_total", "Shapes that went for want of room.", stats.evicted);
}

Task<void> OriginMetrics::handle(const http::Request& request, http::Response& response) {
  if (request.path != "/metrics" || request.method != http::Method::kGet) {
    response.status = 404;
    return {};
  }
  std::vector<gateway::Sample> samples;
  sample_origin(origin_.stats(), samples);
  response.fields.add("content-type", "text/plain; version=0.0.4; charset=utf-8");
  response.buffers.push_back(Buffer::of(gateway::metrics_text(std::move(samples))));
  return {};
}

}  // namespace sluice::app
