using System.Security.Cryptography;
using System.Text;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Audit;

/// <summary>
/// The key file: a private key on P-256 that signs checkpoints, and 32 secret bytes that everything symmetric is derived from
/// (HKDF, RFC 5869). Whoever has the database and not this file can neither write a record nor read one.
/// </summary>
internal sealed class AuditKeys : IDisposable
{
    private const string SecretLabel = "RAG AUDIT SECRET", PrivateLabel = "PRIVATE KEY";
    private const int SecretBytes = 32, NonceBytes = 12, TagBytes = 16;

    private readonly ECDsa _signing;
    private readonly byte[] _mac, _wrap, _questions;

    private AuditKeys(ECDsa signing, byte[] secret)
    {
        _signing = signing;
        _mac = Derive(secret, "mac");
        _wrap = Derive(secret, "wrap");
        _questions = Derive(secret, "questions");
        PublicKey = signing.ExportSubjectPublicKeyInfo();
    }

    /// <summary>The public key as SubjectPublicKeyInfo, DER.</summary>
    public byte[] PublicKey { get; }

    public string PublicKeyPem => PemEncoding.WriteString("PUBLIC KEY", PublicKey);

    /// <summary>The configured file; with none configured the one in the data directory, made where it is absent.</summary>
    public static AuditKeys Open(AuditOptions options, DataDirectory data)
    {
        if (options.KeyFile.Length > 0) return Read(options.KeyFile);
        string path = Path.Combine(data.Path, "audit", "key.pem");
        if (!File.Exists(path)) Create(path);
        return Read(path);
    }

    /// <summary>Makes a file that only its owner may read; never over another.</summary>
    /// <exception cref="RagException">Conflict: there is such a file; Unavailable: it cannot be written.</exception>
    public static void Create(string path)
    {
        using var signing = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        string text = PemEncoding.WriteString(PrivateLabel, signing.ExportPkcs8PrivateKey()) + "\n" + PemEncoding.WriteString(SecretLabel, RandomNumberGenerator.GetBytes(SecretBytes)) + "\n";
        try
        {
            if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } directory) Directory.CreateDirectory(directory);
            var only = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows()) only.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            using var file = new FileStream(path, only);
            file.Write(Encoding.ASCII.GetBytes(text));
            file.Flush(flushToDisk: true);
        }
        catch (IOException e) when (File.Exists(path))
        {
            throw new RagException(ErrorKind.Conflict, $"{path} exists already.", "Choose another name: a key that is overwritten takes what it sealed with it.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RagException(ErrorKind.Unavailable, $"{path} cannot be written: {e.Message}", "Choose a place that this user may write to.", e);
        }
    }

    /// <summary>What is wrong with a key file, in words; null where nothing is.</summary>
    public static string? Problem(string path)
    {
        try
        {
            Read(path).Dispose();
            return null;
        }
        catch (RagException e)
        {
            return e.Message;
        }
    }

    /// <exception cref="RagException">Invalid: it is none.</exception>
    public static AuditKeys Read(string path)
    {
        string text;
        try
        {
            text = File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RagException(ErrorKind.Unavailable, $"the audit key {path} cannot be read: {e.Message}", "Put the key file there; a backup of it is as good.", e);
        }
        try
        {
            byte[]? secret = Block(text, SecretLabel), pkcs8 = Block(text, PrivateLabel);
            if (secret is { Length: SecretBytes } && pkcs8 is not null)
            {
                var signing = ECDsa.Create();
                signing.ImportPkcs8PrivateKey(pkcs8, out _);
                if (signing.KeySize == 256) return new(signing, secret);
                signing.Dispose();
            }
        }
        catch (CryptographicException)
        {
            // What it says may be part of the secret.
        }
        throw new RagException(ErrorKind.Invalid, $"{path} is not an audit key", "Make one with 'rag audit key create FILE'.");
    }

    /// <summary>ECDSA with SHA-256, as ASN.1 (RFC 3279).</summary>
    public byte[] Sign(ReadOnlySpan<byte> text)
    {
        lock (_signing) return _signing.SignData(text, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
    }

    /// <summary>Over an envelope: shows before the next checkpoint that this service wrote it.</summary>
    public byte[] Mac(ReadOnlySpan<byte> envelope) => HMACSHA256.HashData(_mac, envelope);

    public bool MacFits(ReadOnlySpan<byte> envelope, ReadOnlySpan<byte> mac) => CryptographicOperations.FixedTimeEquals(Mac(envelope), mac);

    /// <summary>Tells that two questions are the same, and to nobody without the key which.</summary>
    public string QuestionHash(string question) => Convert.ToHexStringLower(HMACSHA256.HashData(_questions, Encoding.UTF8.GetBytes(question)));

    /// <summary>A subject's key as it is stored: nonce, sealed key and tag of AES-256-GCM, bound to the subject.</summary>
    public byte[] Wrap(string subject, ReadOnlySpan<byte> key)
    {
        byte[] wrapped = new byte[NonceBytes + key.Length + TagBytes];
        RandomNumberGenerator.Fill(wrapped.AsSpan(0, NonceBytes));
        using var gcm = new AesGcm(_wrap, TagBytes);
        gcm.Encrypt(wrapped.AsSpan(0, NonceBytes), key, wrapped.AsSpan(NonceBytes, key.Length), wrapped.AsSpan(NonceBytes + key.Length), Encoding.UTF8.GetBytes(subject));
        return wrapped;
    }

    /// <summary>Null where it was wrapped with another key file, for another subject, or changed.</summary>
    public byte[]? Unwrap(string subject, ReadOnlySpan<byte> wrapped)
    {
        if (wrapped.Length != NonceBytes + SecretBytes + TagBytes) return null;
        byte[] key = new byte[SecretBytes];
        using var gcm = new AesGcm(_wrap, TagBytes);
        try
        {
            gcm.Decrypt(wrapped[..NonceBytes], wrapped[NonceBytes..^TagBytes], wrapped[^TagBytes..], key, Encoding.UTF8.GetBytes(subject));
            return key;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }

    public void Dispose() => _signing.Dispose();

    private static byte[] Derive(byte[] secret, string use) => HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, SecretBytes, info: Encoding.ASCII.GetBytes("rag-system audit " + use));

    private static byte[]? Block(string text, string label)
    {
        for (var rest = text.AsSpan(); PemEncoding.TryFind(rest, out var found); rest = rest[found.Location.End..])
        {
            if (!rest[found.Label].SequenceEqual(label)) continue;
            byte[] bytes = new byte[found.DecodedDataLength];
            return Convert.TryFromBase64Chars(rest[found.Base64Data], bytes, out int length) && length == bytes.Length ? bytes : null;
        }
        return null;
    }
}
