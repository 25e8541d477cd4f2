#!/usr/bin/env bash
# Boots this machine's systemd as process 1 of namespaces of its own, on an overlay of / that is gone with it. No network
# but loopback. The folders where people keep Pythons of their own are empty in there.
#   boot.sh WORK SHARED CGROUP    WORK: an empty folder; SHARED: seen read-only as /srv/shared; CGROUP: a new cgroup v2
set -euo pipefail
mkdir "$3"
echo $$ >"$3/cgroup.procs"
exec unshare --fork --kill-child --pid --mount --uts --ipc --cgroup --net bash -euo pipefail -c '
work=$1 shared=$2 root=$1/root
mount --make-rprivate /
mount -t tmpfs -o size=2g tmpfs "$work"
mkdir "$work"/{upper,work,root}
mount -t overlay -o lowerdir=/,upperdir="$work/upper",workdir="$work/work" overlay "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
umount "$root/sys/fs/cgroup" 2>/dev/null || true
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
  IFS=: read -r name major minor <<<"$device"
  mknod -m 666 "$root/dev/$name" c "$major" "$minor"
done
ln -s /proc/self/fd "$root/dev/fd"
mkdir -p "$root"/dev/{pts,shm} "$root/srv/shared" "$root/etc/systemd/system"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs tmpfs "$root/dev/shm"
for folder in run tmp root home opt usr/local; do
  [[ ! -d $root/$folder ]] || mount -t tmpfs -o mode=755 tmpfs "$root/$folder"
done
chmod 1777 "$root/tmp"
mount --bind -o ro "$shared" "$root/srv/shared"
: >"$root/etc/fstab"
rm -f "$root/.dockerenv"
ip link set lo up
cd "$root"
mkdir -p before
pivot_root . before
umount -l /before
for unit in systemd-udevd.service systemd-udevd-kernel.socket systemd-udevd-control.socket systemd-modules-load.service \
  systemd-sysctl.service systemd-networkd-wait-online.service systemd-timesyncd.service tmp.mount; do
  ln -sf /dev/null "/etc/systemd/system/$unit" # nothing a guest needs, or may do
done
exec env -i container=guest PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=basic.target \
  --show-status=no --log-target=journal
' boot "$1" "$2"
