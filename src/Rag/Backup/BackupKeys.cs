using System.Security.Cryptography;
using System.Text;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Backup;

/// <summary>One key: 32 secret bytes, from which a key for each use is derived (HKDF, RFC 5869).</summary>
/// <param name="Id">Says which key it is, and nothing of it.</param>
internal sealed class BackupKey(string id, byte[] secret)
{
    public const int Bytes = 32;

    public string Id => id;

    public static BackupKey Of(byte[] secret) => new(Convert.ToHexStringLower(SHA256.HashData([.. "rag-system backup key\n"u8, .. secret]))[..16], secret);

    /// <summary>The key of one file of one backup; the salt is the file's own.</summary>
    public byte[] ForPart(string backup, string file, ReadOnlySpan<byte> salt) => Derive(salt, $"part\n{backup}\n{file}");

    /// <summary>HMAC-SHA256 over the manifest of a whole backup.</summary>
    public byte[] MacManifest(ReadOnlySpan<byte> manifest) => HMACSHA256.HashData(Derive([], "manifest"), manifest);

    /// <summary>The same over what a backup has while it is being made; never good for one that is whole.</summary>
    public byte[] MacProgress(ReadOnlySpan<byte> manifest) => HMACSHA256.HashData(Derive([], "progress"), manifest);

    private byte[] Derive(ReadOnlySpan<byte> salt, string use)
    {
        byte[] key = new byte[Bytes];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, key, salt, Encoding.UTF8.GetBytes("rag-system backup " + use));
        return key;
    }
}

/// <summary>The key file of backups: several keys one behind the other, of which the last seals and all open.</summary>
internal sealed class BackupKeys
{
    private const string Label = "RAG BACKUP KEY";
    private const int MaxFileBytes = 1_000_000;

    private readonly IReadOnlyList<BackupKey> _keys;

    private BackupKeys(string path, IReadOnlyList<BackupKey> keys) => (Path, _keys) = (path, keys);

    public string Path { get; }

    /// <summary>What new backups are sealed with.</summary>
    public BackupKey Newest => _keys[^1];

    public IReadOnlyList<BackupKey> All => _keys;

    /// <summary>The key of that id; null where the file has none.</summary>
    public BackupKey? Find(string id) => _keys.FirstOrDefault(k => k.Id == id);

    /// <summary>
    /// The configured file; with none configured and a record of this process alone, the one in the data directory, made where
    /// it is absent. It is read anew each time, so that a new key is used at once.
    /// </summary>
    /// <exception cref="RagException">Unavailable: there is none, or it cannot be read; Invalid: it is none.</exception>
    public static BackupKeys Open(BackupOptions options, DataDirectory data, Database database)
    {
        if (options.KeyFile.Length > 0) return Read(options.KeyFile);
        if (database.Shared) throw new RagException(
            ErrorKind.Unavailable, "No key for backups is configured.", "Make one with 'rag backup key create FILE', name it in Backup:KeyFile on every replica, and keep a copy elsewhere.");
        string path = System.IO.Path.Combine(data.Path, "backup-key.pem");
        if (!File.Exists(path)) Create(path);
        return Read(path);
    }

    /// <summary>Makes a file with one key that only its owner may read; never over another.</summary>
    /// <exception cref="RagException">Conflict: there is such a file; Unavailable: it cannot be written.</exception>
    public static BackupKey Create(string path)
    {
        byte[] secret = RandomNumberGenerator.GetBytes(BackupKey.Bytes);
        if (File.Exists(path)) throw Exists(path, null);
        Write(path, Block(secret), FileMode.CreateNew);
        return BackupKey.Of(secret);
    }

    /// <summary>Adds a key, which seals from now on; what the others sealed still opens.</summary>
    public static BackupKey Rotate(string path)
    {
        var keys = Read(path);
        byte[] secret = RandomNumberGenerator.GetBytes(BackupKey.Bytes);
        string text = File.ReadAllText(keys.Path);
        string next = path + ".new";
        File.Delete(next);
        Write(next, (text.EndsWith('\n') ? text : text + "\n") + Block(secret), FileMode.CreateNew);
        File.Move(next, path, overwrite: true);
        Durable.SyncDirectory(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!);
        return BackupKey.Of(secret);
    }

    /// <summary>What is wrong with a key file, in words; null where nothing is.</summary>
    public static string? Problem(string path)
    {
        try
        {
            Read(path);
            return null;
        }
        catch (RagException e)
        {
            return e.Message;
        }
    }

    /// <exception cref="RagException">Unavailable: it cannot be read; Invalid: it is none.</exception>
    public static BackupKeys Read(string path)
    {
        string text;
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > MaxFileBytes }) throw NoKeys(path);
            text = File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RagException(ErrorKind.Unavailable, $"the backup key {path} cannot be read: {e.Message}", "Put the key file there; a copy of it is as good.", e);
        }
        var keys = new List<BackupKey>();
        for (var rest = text.AsSpan(); PemEncoding.TryFind(rest, out var found); rest = rest[found.Location.End..])
        {
            if (!rest[found.Label].SequenceEqual(Label) || found.DecodedDataLength != BackupKey.Bytes) throw NoKeys(path);
            keys.Add(BackupKey.Of(Convert.FromBase64String(rest[found.Base64Data].ToString())));
        }
        return keys.Count > 0 ? new(path, keys) : throw NoKeys(path);
    }

    private static RagException NoKeys(string path) => new(ErrorKind.Invalid, $"{path} is not a file of backup keys", "Make one with 'rag backup key create FILE'.");

    private static RagException Exists(string path, Exception? e) => new(ErrorKind.Conflict, $"{path} exists already.", "Choose another name, or add a key to it with 'rag backup key rotate FILE': backups that its keys sealed open with them alone.", e);

    private static string Block(byte[] secret) => PemEncoding.WriteString(Label, secret) + "\n";

    private static void Write(string path, string text, FileMode mode)
    {
        try
        {
            string directory = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;
            Directory.CreateDirectory(directory);
            var only = new FileStreamOptions { Mode = mode, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows()) only.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            using (var file = new FileStream(path, only))
            {
                file.Write(Encoding.ASCII.GetBytes(text));
                file.Flush(flushToDisk: true);
            }
            Durable.SyncDirectory(directory);
        }
        catch (IOException e) when (mode == FileMode.CreateNew && File.Exists(path))
        {
            throw Exists(path, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RagException(ErrorKind.Unavailable, $"{path} cannot be written: {e.Message}", "Choose a place that this user may write to.", e);
        }
    }
}
