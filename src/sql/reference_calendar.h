// The calendar of the reference evaluator (reference.h): Postgres's, days counted from 2000-01-01. By date2j() and j2date()
// of its datetime.c, in numbers that no moment is too wide for.
#pragma once

namespace sluice::sql::reference {

using Wide = __int128;

struct Civil {
  Wide year;  // 0: 1 BC
  Wide month;
  Wide day;
};

Wide day_of(Wide year, Wide month, Wide day);
Civil civil_of(Wide days);
Wide last_of_month(Wide year, Wide month);

}  // namespace sluice::sql::reference
