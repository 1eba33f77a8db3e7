using System.Runtime.InteropServices;
using Rag.Foundation;

namespace Rag.Backup;

/// <summary>Files that are there after a power failure, names included.</summary>
internal static partial class Durable
{
    private const int ReadOnly = 0;

    /// <summary>Puts the names in a directory on disk: a file that was renamed is not there for certain before that (fsync(2)).</summary>
    public static void SyncDirectory(string directory)
    {
        if (OperatingSystem.IsWindows()) return;
        int descriptor = OpenFile(directory, ReadOnly);
        if (descriptor < 0) throw Failed(directory);
        try
        {
            if (Sync(descriptor) != 0) throw Failed(directory);
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    /// <summary>Puts a file on disk that was written before.</summary>
    public static void SyncFile(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.Read, bufferSize: 0);
        file.Flush(flushToDisk: true);
    }

    /// <summary>Writes a small file whole or not at all: beside it, to disk, then in its place.</summary>
    public static async Task WriteAsync(string path, ReadOnlyMemory<byte> bytes, CancellationToken ct)
    {
        string temporary = path + ".tmp";
        await using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write))
        {
            await file.WriteAsync(bytes, ct);
            file.Flush(flushToDisk: true);
        }
        File.Move(temporary, path, overwrite: true);
        SyncDirectory(Path.GetDirectoryName(path)!);
    }

    /// <summary>An error of the file system in the terms of the product.</summary>
    public static RagException Translate(IOException e, string directory) => IsFull(e)
        ? new(ErrorKind.StorageFull, "The disk that backups are kept on is full.", $"Free space in {directory}, or name another place in Backup:Directory; the backup goes on where it stopped when it is asked for again.", e)
        : new(ErrorKind.Unavailable, $"The folder of backups cannot be used: {e.Message}", $"Check that {directory} exists and that this user may write to it.", e);

    /// <summary>No room (ENOSPC), or no more room for this user (EDQUOT).</summary>
    private static bool IsFull(IOException e) => (e.HResult & 0xFFFF) is 28 or 122 or 0x70;

    private static IOException Failed(string directory)
    {
        int error = Marshal.GetLastPInvokeError();
        return new($"{directory} cannot be synchronised: {Marshal.GetPInvokeErrorMessage(error)}", error);
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int OpenFile(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
