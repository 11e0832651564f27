// A small disk of a test's own, that fills up and can be made larger: a tmpfs in a mount namespace that ends with the test.
import { execFileSync } from 'node:child_process';
import { Program, temporaryFolder } from './program.js';

// Why there can be none here; undefined where there can.
export function noDisk() {
  try {
    execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'mounts nothing: needs root, and a kernel that lets it';
  }
}

export class Disk {
  static async start(bytes) {
    const disk = new Disk();
    disk.folder = temporaryFolder('disk');
    const script = `mount -t tmpfs -o size=${bytes} none ${disk.folder} && echo mounted && exec sleep 1d`;
    disk.program = new Program('unshare', ['-m', 'sh', '-c', script]);
    await disk.program.until('mounted', () => disk.program.stdout.includes('mounted'));
    // What a command is put behind, to see the disk.
    disk.inside = ['nsenter', '-m', '-t', String(disk.program.pid), '--'];
    return disk;
  }

  resize(bytes) {
    const [command, ...args] = [...this.inside, 'mount', '-o', `remount,size=${bytes}`, this.folder];
    execFileSync(command, args);
  }

  // What nobody has to stop before the programs on it.
  stop() {
    return this.program.stop('SIGKILL');
  }
}
