using System.Runtime.InteropServices;

namespace Rag.Diagnosis;

/// <summary>What .NET does not say of a file system: nodes left, and the node of a file. Linux with 64 bits only; elsewhere nothing.</summary>
internal static partial class FileSystem
{
    /// <summary>Nodes in all and left to this user; null where the system does not count them.</summary>
    public static (ulong Total, ulong Free)? Inodes(string path)
    {
        if (!OperatingSystem.IsLinux() || !Environment.Is64BitProcess || statvfs(path, out var s) != 0 || s.Files == 0) return null;
        return (s.Files, s.FilesAvailable);
    }

    /// <summary>The file's node number; 0 where it is not known.</summary>
    public static ulong InodeOf(string path)
    {
        if (!OperatingSystem.IsLinux() || statx(AtFdCwd, path, 0, StatxIno, out var s) != 0) return 0;
        return s.Inode;
    }

    private const int AtFdCwd = -100;
    private const uint StatxIno = 0x100;

    /// <summary>struct statvfs (statvfs(3)) as glibc and musl lay it out with 64 bits.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private unsafe struct Statvfs
    {
        public ulong BlockSize, FragmentSize, Blocks, BlocksFree, BlocksAvailable, Files, FilesFree, FilesAvailable, Id, Flags, NameMax;
        public fixed int Spare[16];
    }

    /// <summary>struct statx (statx(2)): the same on every architecture.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private unsafe struct Statx
    {
        public uint Mask, BlockSize;
        public ulong Attributes;
        public uint Links, Uid, Gid;
        public ushort Mode, Spare0;
        public ulong Inode;
        public fixed ulong Rest[60];
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statvfs(string path, out Statvfs result);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(int directory, string path, int flags, uint mask, out Statx result);
}
