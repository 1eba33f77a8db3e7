using System.Security.Cryptography;
using System.Text;
using System.Xml.Linq;
using Dapper;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Access;

/// <summary>
/// What protects forms and sign-ins under way: ASP.NET's data protection with its keys in the record, so that a form that
/// one replica made is taken by another. The keys are sealed with <c>Access:SecretFile</c> where there is one. A process
/// that has not read them yet protects with a key of its own.
/// </summary>
internal sealed class FormSecrets(Database database, AccessOptions options, TimeProvider time, ILogger<FormSecrets> log) : IDataProtectionProvider, IDisposable
{
    private const string Application = "rag-system";
    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(120), Renew = TimeSpan.FromDays(30), KnownEverywhere = TimeSpan.FromHours(1);

    private readonly Lock _taking = new();
    private readonly Dictionary<string, XElement> _keys = [];
    private Inner _inner = new(new EphemeralDataProtectionProvider(), null);

    private sealed record Inner(IDataProtectionProvider Provider, ServiceProvider? Services);

    public IDataProtector CreateProtector(string purpose) => new Protector(this, [purpose]);

    /// <summary>Makes the first key, and the next one a month later, before the one in use ends.</summary>
    public async Task EnsureAsync(CancellationToken ct)
    {
        await using (var connection = await database.OpenAsync(ct))
            if (Fresh(await connection.ExecuteScalarAsync<long?>(new CommandDefinition("SELECT MAX(created_at) FROM form_keys", cancellationToken: ct)))) return;
        await database.WriteAsync(async tx =>
        {
            long version = await tx.Connection!.ExecuteScalarAsync<long>("UPDATE access_version SET version = version + 1 WHERE one = 1 RETURNING version", transaction: tx);
            long? newest = await tx.Connection!.ExecuteScalarAsync<long?>("SELECT MAX(created_at) FROM form_keys", transaction: tx);
            if (Fresh(newest)) return;
            var now = time.GetUtcNow();
            string xml = Generate(newest is null ? now : now + KnownEverywhere, now + Lifetime).ToString(SaveOptions.DisableFormatting);
            bool seal = options.SecretFile.Length > 0;
            await tx.Connection!.ExecuteAsync(
                "INSERT INTO form_keys (id, content, sealed, created_at, version) VALUES (@id, @content, @sealedFlag, @at, @version)",
                new { id = Ids.New(time), content = seal ? Seal(xml) : xml, sealedFlag = seal ? 1L : 0L, at = Clock.ToMicroseconds(now), version }, tx);
            await tx.Connection!.ExecuteAsync("DELETE FROM form_keys WHERE created_at < @old", new { old = Clock.ToMicroseconds(now - 2 * Lifetime) }, tx);
            await database.LockChangeLogAsync(tx);
        }, ct);
    }

    /// <summary>Keys that were read from the record join those that are known.</summary>
    public void Take(IEnumerable<FormKeyRow> rows)
    {
        lock (_taking)
        {
            foreach (var row in rows)
            {
                try
                {
                    _keys[row.Id] = XElement.Parse(row.Sealed == 0 ? row.Content : Unseal(row.Content));
                }
                catch (Exception e) when (e is CryptographicException or FormatException or System.Xml.XmlException or RagException)
                {
                    log.SecretNotOpened();
                }
            }
            if (_keys.Count == 0) return;
            var services = Build(new Ring([.. _keys.Values]));
            // The one before stays for requests that are in the middle of it; keys are few, and so are these.
            Volatile.Write(ref _inner, new(services.GetRequiredService<IDataProtectionProvider>(), services));
        }
    }

    public void Dispose() => Volatile.Read(ref _inner).Services?.Dispose();

    private bool Fresh(long? createdAt) => createdAt is { } at && Clock.FromMicroseconds(at) > time.GetUtcNow() - Renew;

    private static XElement Generate(DateTimeOffset activation, DateTimeOffset expiration)
    {
        var ring = new Ring([]);
        using var services = Build(ring);
        services.GetRequiredService<IKeyManager>().CreateNewKey(activation, expiration);
        return ring.GetAllElements().Single();
    }

    private static ServiceProvider Build(Ring ring)
    {
        var services = new ServiceCollection();
        services.AddDataProtection(data => data.ApplicationDiscriminator = Application).AddKeyManagementOptions(keys => (keys.XmlRepository, keys.AutoGenerateKeys) = (ring, false));
        return services.BuildServiceProvider();
    }

    /// <summary>AES-256-GCM: nonce, tag, ciphertext, in base64.</summary>
    private string Seal(string text)
    {
        byte[] plain = Encoding.UTF8.GetBytes(text), sealedBytes = new byte[12 + 16 + plain.Length];
        RandomNumberGenerator.Fill(sealedBytes.AsSpan(0, 12));
        using var aes = new AesGcm(SealingKey(), 16);
        aes.Encrypt(sealedBytes.AsSpan(0, 12), plain, sealedBytes.AsSpan(28), sealedBytes.AsSpan(12, 16));
        return Convert.ToBase64String(sealedBytes);
    }

    private string Unseal(string text)
    {
        byte[] bytes = Convert.FromBase64String(text), plain = new byte[Math.Max(0, bytes.Length - 28)];
        using var aes = new AesGcm(SealingKey(), 16);
        aes.Decrypt(bytes.AsSpan(0, 12), bytes.AsSpan(28), bytes.AsSpan(12, 16), plain);
        return Encoding.UTF8.GetString(plain);
    }

    private byte[] SealingKey()
    {
        if (options.SecretFile.Length == 0) throw new RagException(ErrorKind.Invalid, "The record's secrets of forms are sealed, and this replica has no Access:SecretFile.", "Give every replica the same file.");
        byte[] secret = File.ReadAllBytes(options.SecretFile);
        if (secret.Length < 16) throw new RagException(ErrorKind.Invalid, $"{options.SecretFile} is too short for a secret.", "Fill it with 32 random bytes or more.");
        return HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, 32, info: "rag-system form keys"u8.ToArray());
    }

    /// <summary>Protects with whatever keys are the newest when it is asked.</summary>
    private sealed class Protector(FormSecrets secrets, IReadOnlyList<string> purposes) : IDataProtector
    {
        private (Inner Of, IDataProtector Made)? _cached;

        public IDataProtector CreateProtector(string purpose) => new Protector(secrets, [.. purposes, purpose]);

        public byte[] Protect(byte[] plaintext) => Now().Protect(plaintext);

        public byte[] Unprotect(byte[] protectedData) => Now().Unprotect(protectedData);

        private IDataProtector Now()
        {
            var inner = Volatile.Read(ref secrets._inner);
            if (_cached is { } cached && ReferenceEquals(cached.Of, inner)) return cached.Made;
            var made = inner.Provider.CreateProtector(purposes);
            _cached = (inner, made);
            return made;
        }
    }

    private sealed class Ring(IReadOnlyList<XElement> elements) : IXmlRepository
    {
        private readonly List<XElement> _elements = [.. elements];

        public IReadOnlyCollection<XElement> GetAllElements() => [.. _elements];

        public void StoreElement(XElement element, string friendlyName) => _elements.Add(element);
    }
}
