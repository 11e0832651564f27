"""What processes use: CPU time, memory. Linux, from /proc; as root, or as whoever owns the processes."""
import contextlib
import os
import time

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def stat_fields(pid):
    """From the state on (field 3 of proc(5)); None where the process is gone."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()
    except OSError:
        return None


def alive(pid):
    fields = stat_fields(pid)
    return fields is not None and fields[0] != "Z"


def cpu_s(pid):
    fields = stat_fields(pid)
    return sum(map(int, fields[11:13])) / TICKS_PER_S if fields else 0.0


def cpu_of_tree_s(root):
    return sum(map(cpu_s, tree(root)))


def reaped_s(pid):
    """Of children that have ended."""
    return sum(map(int, stat_fields(pid)[13:15])) / TICKS_PER_S


def tree(root):
    """The process and all its descendants."""
    children = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        if fields := stat_fields(entry):
            children.setdefault(int(fields[1]), []).append(int(entry))
    found, todo = [], [root]
    while todo:
        found.append(todo.pop())
        todo += children.get(found[-1], [])
    return found


def memory_mb(pid, field="VmRSS"):
    """VmRSS, or VmHWM for the highest there was since forget_peak()."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status") as f:
        for line in f:
            if line.startswith(field + ":"):
                return int(line.split()[1]) / 1024
    return 0.0


def forget_peak(pid):
    with open(f"/proc/{pid}/clear_refs", "w") as f:
        f.write("5")


def busy_s():
    """CPU time of the whole machine but idle and waiting; what the hypervisor took is in it."""
    with open("/proc/stat") as f:
        values = [int(x) for x in f.readline().split()[1:9]]
    return (sum(values) - values[3] - values[4]) / TICKS_PER_S


def own_s():
    """This process and its children, running and ended."""
    return sum(os.times()[:4]) + sum(map(cpu_s, tree(os.getpid())[1:]))


def calibration_ms():
    """CPU of a fixed loop, the best of five: how fast this machine is just now."""
    best = 1e9
    for _ in range(5):
        begin = time.process_time()
        sum(i * i for i in range(300_000))
        best = min(best, time.process_time() - begin)
    return best * 1000
