using System.Security.Cryptography;
using System.Text.Json;
using Rag.Foundation;

namespace Rag.Backup;

/// <summary>
/// A manifest on disk: JSON in the one way that this product writes it, with its MAC as the last member. Whatever is not
/// written so, to the byte, is refused, so that no part of the file can be changed unnoticed.
/// </summary>
internal static class ManifestFile
{
    public const string Name = "manifest.json", ProgressName = "progress.json";

    private const int MaxBytes = 64_000_000;

    public static byte[] Write(BackupManifest manifest, BackupKey key, bool whole = true) => Bytes(manifest with { Mac = Mac(manifest, key, whole) });

    /// <exception cref="RagException">Invalid: there is none, or it is not what was written; Unavailable: its key is not here; Unsupported: of a newer release.</exception>
    public static async Task<BackupManifest> ReadAsync(string path, BackupKeys keys, bool whole, CancellationToken ct)
    {
        byte[] bytes;
        try
        {
            if (new FileInfo(path).Length > MaxBytes) throw Changed(path, null);
            bytes = await File.ReadAllBytesAsync(path, ct);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RagException(ErrorKind.Invalid, $"{path} cannot be read: {e.Message}", "This is not a whole backup; restore another.", e);
        }
        return Parse(path, bytes, keys, whole);
    }

    public static BackupManifest Parse(string path, byte[] bytes, BackupKeys keys, bool whole)
    {
        RequireKnownFormat(path, bytes);
        BackupManifest manifest;
        try
        {
            manifest = JsonSerializer.Deserialize(bytes, ManifestJson.Default.BackupManifest) ?? throw Changed(path, null);
        }
        catch (JsonException e)
        {
            throw Changed(path, e);
        }
        if (manifest.Key is null || manifest.Mac is null || manifest.Parts is null || manifest.Serials is null || manifest.LeftOut is null || manifest.Id is null) throw Changed(path, null);
        var key = keys.Find(manifest.Key) ?? throw new RagException(
            ErrorKind.Unavailable, $"{path} was sealed with the key {manifest.Key}, which {keys.Path} does not hold.", "Name the key file that the backup was made with in Backup:KeyFile; old keys stay in it when a new one is added.");
        if (!Bytes(manifest).AsSpan().SequenceEqual(bytes)) throw Changed(path, null);
        if (!CryptographicOperations.FixedTimeEquals(System.Text.Encoding.ASCII.GetBytes(Mac(manifest, key, whole)), System.Text.Encoding.ASCII.GetBytes(manifest.Mac))) throw Changed(path, null);
        return manifest;
    }

    private static void RequireKnownFormat(string path, byte[] bytes)
    {
        int format;
        try
        {
            using var json = JsonDocument.Parse(bytes);
            format = json.RootElement.GetProperty("format").GetInt32();
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw Changed(path, e);
        }
        if (format > BackupManifest.CurrentFormat)
            throw new RagException(ErrorKind.Unsupported, $"{path} has format {format}; this release reads up to {BackupManifest.CurrentFormat}.", "Restore it with the release that made it, or a later one.");
    }

    private static string Mac(BackupManifest manifest, BackupKey key, bool whole)
    {
        byte[] bytes = Bytes(manifest with { Mac = null });
        return Convert.ToHexStringLower(whole ? key.MacManifest(bytes) : key.MacProgress(bytes));
    }

    private static byte[] Bytes(BackupManifest manifest) => [.. JsonSerializer.SerializeToUtf8Bytes(manifest, ManifestJson.Default.BackupManifest), (byte)'\n'];

    private static RagException Changed(string path, Exception? e) => new(ErrorKind.Invalid, $"{path} is not what was written: it was changed or cut off.", "The backup is damaged; restore another, and make a new one.", e);
}
