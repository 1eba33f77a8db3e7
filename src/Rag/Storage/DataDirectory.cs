using Rag.Foundation;

namespace Rag.Storage;

/// <summary>
/// The directory that this process keeps everything in, held under an exclusive lock for as long as the process
/// uses it. A second process is told who holds it.
/// </summary>
internal sealed class DataDirectory : IDisposable
{
    private readonly FileStream _lock;

    private DataDirectory(string path, FileStream @lock) => (Path, _lock) = (path, @lock);

    public string Path { get; }

    public static DataDirectory Open(StorageOptions options)
    {
        string path = System.IO.Path.GetFullPath(options.DataDirectory);
        string lockPath = System.IO.Path.Combine(path, "rag.lock");
        try
        {
            Directory.CreateDirectory(path);
            // The file is locked, not merely present: a killed process leaves nothing to clean up.
            var file = new FileStream(lockPath, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            return new(path, file);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new RagException(ErrorKind.Unavailable, $"The data directory {path} cannot be written to.", "Give this user write access to it or choose another with --data.", e);
        }
        catch (IOException e) when (File.Exists(lockPath))
        {
            string server = ReadAddress(path);
            string remedy = server.Length > 0
                ? $"Add --server {server} to this command, or stop that server."
                : "Wait for that process to finish, or choose another directory with --data.";
            throw new RagException(ErrorKind.Conflict, $"The data directory {path} is in use by another process.", remedy, e);
        }
        catch (IOException e)
        {
            throw new RagException(ErrorKind.Unavailable, $"The data directory {path} cannot be made: {e.Message}", "Choose another with --data.", e);
        }
    }

    /// <summary>Notes the address that this process serves, for the message that others get.</summary>
    public void AnnounceAddress(string address) => File.WriteAllText(AddressPath(Path), address);

    public void Dispose()
    {
        File.Delete(AddressPath(Path));
        _lock.Dispose();
    }

    private static string AddressPath(string path) => System.IO.Path.Combine(path, "rag.address");

    /// <summary>The address that a running server announced in a data directory; empty where there is none.</summary>
    public static string ReadAddress(string path)
    {
        try
        {
            return File.ReadAllText(AddressPath(path)).Trim();
        }
        catch (IOException)
        {
            return "";
        }
    }
}
