// What the process keeps of the memory that it is given.
#pragma once

namespace sluice {

// Settings of the allocator for a server whose load comes in waves: a thousand held requests that are answered and asked
// again must not give their pages back and fetch them anew each time. At the start, before any thread.
void tune_allocator();

// Lets go of the pages of program and libraries that nothing has been written to: most were only needed to start (to link
// some eighty libraries, of which a process uses a few), and those that are used come back from the page cache one by one.
// What is resident afterwards is what is in use. Any thread; some milliseconds.
void release_start_up_pages();

}  // namespace sluice
