using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Rag.Foundation;
using Rag.Storage.Leadership;

namespace Rag.Backup.OffSite;

/// <summary>
/// Copies backups off-site, reads them back there, and fetches them. A copy is a backup when its manifest is there, which comes
/// last; it is good when every byte of it was read back and had the digest that the manifest, which a key signs, says.
/// </summary>
internal sealed class OffSiteCopier(BackupCatalog catalog, OffSiteCopies copies, OffSiteStore store, BackupOptions options, Leases leases, ILogger<OffSiteCopier> log)
{
    private const string FetchingSuffix = ".fetching", TemporarySuffix = ".tmp";

    /// <summary>How often a file is sent again that could not be sent, or was read back otherwise than it was sent.</summary>
    private const int MaxSends = 3;

    private const long MaxManifestBytes = 64_000_000;

    /// <summary>Copies a whole backup, and reads the copy back. What an interrupted copying left there is kept.</summary>
    /// <exception cref="RagException">Unsupported: no place is configured; Conflict: the backup is not whole, or another is being copied; Invalid: the backup, or the copy, is damaged; Unavailable.</exception>
    public async Task<OffSiteCopy> CopyAsync(string id, IProgress<BackupProgress>? progress, CancellationToken ct)
    {
        store.Require();
        await using var lease = await TakeAsync(ct);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct, lease.Lost);
        limit.CancelAfter(TimeSpan.FromHours(options.LimitHours));
        var reader = await catalog.OpenAsync(id, limit.Token);
        await copies.BeginAsync(reader, limit.Token);
        try
        {
            await SendAllAsync(reader, progress, limit.Token);
            await copies.NoteCompleteAsync(id, limit.Token);
            await ReadBackAsync(reader, progress, limit.Token);
            await copies.NoteVerifiedAsync(reader.Manifest, reader.ManifestSha256, limit.Token);
            log.BackupCopied(id, store.Location, reader.Manifest.StoredBytes);
        }
        catch (Exception e)
        {
            var told = e is OperationCanceledException && !ct.IsCancellationRequested
                ? new RagException(ErrorKind.Unavailable, $"The copy took longer than {options.LimitHours} hours, or another process copies now.", "Ask for it again; it goes on where it stopped.", e) : e;
            await NoteFailureAsync(id, told);
            if (ReferenceEquals(told, e)) throw;
            throw told;
        }
        return (await copies.FindAsync(id, ct))!;
    }

    /// <summary>Reads all of a copy back, and notes what came of it.</summary>
    /// <exception cref="RagException">NotFound: there is no copy; Invalid: it is damaged; Unavailable: it cannot be read now, which says nothing of it.</exception>
    public async Task<BackupManifest> VerifyAsync(string id, IProgress<BackupProgress>? progress, CancellationToken ct)
    {
        store.Require();
        try
        {
            var (manifest, bytes) = await ManifestAsync(id, ct);
            long done = 0;
            foreach (var part in manifest.Parts)
            {
                progress?.Report(new("read back " + part.File, done, manifest.StoredBytes));
                if (await WrongAsync(id, part, n => progress?.Report(new("read back " + part.File, done += n, manifest.StoredBytes)), ct) is { } wrong) throw Damaged(wrong);
            }
            await copies.NoteVerifiedAsync(manifest, Sha256.Hex(bytes), ct);
            return manifest;
        }
        catch (RagException e) when (e.Kind == ErrorKind.Invalid || (e.Kind == ErrorKind.NotFound && e.InnerException is not null))
        {
            if (await copies.FindAsync(id, CancellationToken.None) is null) throw;
            await copies.NoteDamagedAsync(id, e.Message, CancellationToken.None);
            throw e.Kind == ErrorKind.Invalid ? e : Damaged("a file of it is missing");
        }
    }

    /// <summary>Brings a copy into a folder of its own, named by its id, below <paramref name="parent"/>; files that are there already and right are kept.</summary>
    /// <returns>The folder.</returns>
    /// <exception cref="RagException">NotFound; Conflict: it is there; Invalid: what came is not what was sent; StorageFull; Unavailable.</exception>
    public async Task<string> FetchAsync(string id, string parent, IProgress<BackupProgress>? progress, CancellationToken ct)
    {
        store.Require();
        string target = Path.Combine(parent, id), folder = target + FetchingSuffix;
        if (Directory.Exists(target)) throw new RagException(ErrorKind.Conflict, $"The backup {id} is in {parent} already.", "Restore it from there.");
        var (manifest, bytes) = await ManifestAsync(id, ct);
        try
        {
            Directory.CreateDirectory(folder);
            long done = 0;
            foreach (var part in manifest.Parts)
            {
                string path = Path.Combine(folder, part.File);
                progress?.Report(new("fetch " + part.File, done, manifest.StoredBytes));
                if (!File.Exists(path) || await DigestAsync(path, ct) != part.StoredSha256) await FetchAsync(id, part, path, ct);
                done += part.StoredBytes;
            }
            await Durable.WriteAsync(Path.Combine(folder, ManifestFile.Name), bytes, ct);
            Directory.Move(folder, target);
            Durable.SyncDirectory(parent);
            return target;
        }
        catch (IOException e)
        {
            throw Durable.Translate(e, parent);
        }
    }

    /// <summary>The same into the folder of backups, from where it is restored like any other.</summary>
    public async Task<BackupInfo> FetchAsync(string id, IProgress<BackupProgress>? progress, CancellationToken ct)
    {
        await using var lease = await TakeAsync(ct);
        await FetchAsync(id, catalog.Directory, progress, ct);
        return await catalog.GetAsync(id, ct);
    }

    /// <summary>Copies that the record knows of, and those that lie there without it, after a disaster all of them: unverified.</summary>
    public async Task<IReadOnlyList<OffSiteCopy>> ListAsync(CancellationToken ct)
    {
        store.Require();
        var known = (await copies.ListAsync(ct)).ToList();
        foreach (string id in (await store.IdsAsync(ct)).Where(i => known.All(k => k.BackupId != i)))
        {
            try
            {
                var (m, _) = await ManifestAsync(id, ct);
                known.Add(new(id, m.Kind, BackupState.Complete, store.Location, Clock.FromMicroseconds(m.StartedAt), null, null, null, null, m.StoredBytes, null));
            }
            catch (RagException e) when (e.Kind is ErrorKind.Invalid or ErrorKind.NotFound or ErrorKind.Unsupported)
            {
                known.Add(new(id, "unknown", BackupState.Damaged, store.Location, DateTimeOffset.UnixEpoch, null, null, null, null, 0, e.Message));
            }
        }
        return [.. known.OrderByDescending(c => c.MadeAt).ThenByDescending(c => c.BackupId, StringComparer.Ordinal)];
    }

    /// <summary>Removes a copy; its manifest first, so that a removal that is interrupted leaves nothing that looks like a backup.</summary>
    public async Task RemoveAsync(string id, CancellationToken ct)
    {
        var upload = await copies.UploadAsync(id, ct);
        await store.DeleteAsync(id, ManifestFile.Name, ct);
        if (upload is not null) await store.AbandonAsync(id, upload, ct);
        foreach (string file in (await store.ListAsync(id, ct)).Keys) await store.DeleteAsync(id, file, ct);
        await copies.ForgetAsync(id, ct);
    }

    private async Task SendAllAsync(BackupReader reader, IProgress<BackupProgress>? progress, CancellationToken ct)
    {
        var m = reader.Manifest;
        var there = await store.ListAsync(m.Id, ct);
        long done = 0;
        foreach (var part in m.Parts)
        {
            progress?.Report(new("copy " + part.File, done, m.StoredBytes));
            // Whether what is there is right is found when it is read back.
            if (there.TryGetValue(part.File, out long size) && size == part.StoredBytes) done += part.StoredBytes;
            else await SendAsync(reader, part, n => progress?.Report(new("copy " + part.File, done += n, m.StoredBytes)), ct);
        }
        foreach (string file in there.Keys.Where(f => f != ManifestFile.Name && m.Parts.All(p => p.File != f))) await store.DeleteAsync(m.Id, file, ct);
        await SendManifestAsync(reader, ct);
    }

    private async Task SendAsync(BackupReader reader, BackupPart part, Action<long> sent, CancellationToken ct)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                string path = reader.PathOf(part), id = reader.Manifest.Id;
                string sha256 = await store.SendAsync(id, part.File, path, await copies.UploadAsync(id, ct), u => copies.NoteUploadAsync(id, u, ct), attempt == 1 ? sent : _ => { }, ct);
                if (sha256 == part.StoredSha256) return;
                await catalog.NoteDamagedAsync(id, $"{path} is not the file that was written.", CancellationToken.None);
                throw SealedFile.Damaged(path, "is not the file that was written");
            }
            catch (RagException e) when (e.Kind is ErrorKind.Unavailable or ErrorKind.NotFound && attempt < MaxSends && !ct.IsCancellationRequested)
            {
                log.CopyTriedAgain(part.File, e.Message);
            }
            catch (IOException e)
            {
                throw Durable.Translate(e, catalog.Directory);
            }
        }
    }

    private async Task SendManifestAsync(BackupReader reader, CancellationToken ct) =>
        await store.SendAsync(reader.Manifest.Id, ManifestFile.Name, reader.ManifestPath, null, _ => Task.CompletedTask, _ => { }, ct);

    /// <summary>Reads back what was sent; what is wrong is sent again, while there is no manifest that says that it is there.</summary>
    private async Task ReadBackAsync(BackupReader reader, IProgress<BackupProgress>? progress, CancellationToken ct)
    {
        var m = reader.Manifest;
        for (int attempt = 1; ; attempt++)
        {
            long done = 0;
            var wrong = new List<(BackupPart Part, string Why)>();
            foreach (var part in m.Parts)
            {
                progress?.Report(new("read back " + part.File, done, m.StoredBytes));
                string? why;
                try
                {
                    why = await WrongAsync(m.Id, part, n => progress?.Report(new("read back " + part.File, done += n, m.StoredBytes)), ct);
                }
                catch (RagException e) when (e.Kind == ErrorKind.NotFound)
                {
                    why = $"{part.File} is missing";
                }
                if (why is not null) wrong.Add((part, why));
            }
            bool manifestRight = wrong.Count > 0 || await IsManifestRightAsync(reader, ct);
            if (wrong.Count == 0 && manifestRight) return;
            if (attempt == MaxSends) throw Damaged(wrong.Count > 0 ? wrong[0].Why : $"{ManifestFile.Name} is not the file that was sent");
            log.CopyWrong(m.Id, wrong.Count > 0 ? wrong[0].Why : ManifestFile.Name, wrong.Count + (manifestRight ? 0 : 1));
            if (wrong.Count > 0) await store.DeleteAsync(m.Id, ManifestFile.Name, ct);
            foreach (var (part, _) in wrong) await SendAsync(reader, part, _ => { }, ct);
            await SendManifestAsync(reader, ct);
        }
    }

    private async Task<bool> IsManifestRightAsync(BackupReader reader, CancellationToken ct)
    {
        try
        {
            return Sha256.Hex(await BytesAsync(reader.Manifest.Id, ct)) == reader.ManifestSha256;
        }
        catch (RagException e) when (e.Kind is ErrorKind.NotFound or ErrorKind.Invalid)
        {
            return false;
        }
    }

    /// <summary>What is wrong with a file as it is read there; null where nothing is. What looks wrong is read once more: a wire may be at fault.</summary>
    private async Task<string?> WrongAsync(string id, BackupPart part, Action<long> read, CancellationToken ct)
    {
        return await LookAsync(read) is null ? null : await LookAsync(_ => { });

        async Task<string?> LookAsync(Action<long> count)
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            long bytes = await store.ReadAsync(id, part.File, part.StoredBytes, b =>
            {
                hash.AppendData(b.Span);
                count(b.Length);
                return ValueTask.CompletedTask;
            }, ct);
            return bytes != part.StoredBytes ? $"{part.File} has other than its {part.StoredBytes:N0} bytes" : Convert.ToHexStringLower(hash.GetHashAndReset()) != part.StoredSha256 ? $"{part.File} is not the file that was sent" : null;
        }
    }

    private async Task<(BackupManifest Manifest, byte[] Bytes)> ManifestAsync(string id, CancellationToken ct)
    {
        if (!Guid.TryParseExact(id, "D", out _)) throw new RagException(ErrorKind.NotFound, $"There is no backup '{id}'.", "'rag backup off-site' shows the copies.");
        byte[] bytes = await BytesAsync(id, ct);
        var manifest = ManifestFile.Parse($"{store.Location}{id}/{ManifestFile.Name}", bytes, catalog.Keys(), whole: true);
        if (manifest.Id != id || (await copies.ManifestAsync(id, ct) is { } known && known != Sha256.Hex(bytes)))
            throw new RagException(ErrorKind.Invalid, $"The manifest in {store.Location}{id} is not the one of this backup.", "Somebody put another in its place; find out who may write to the bucket.");
        return (manifest, bytes);
    }

    private async Task<byte[]> BytesAsync(string id, CancellationToken ct)
    {
        using var bytes = new MemoryStream();
        long read = await store.ReadAsync(id, ManifestFile.Name, MaxManifestBytes, b => bytes.WriteAsync(b, ct), ct);
        return read <= MaxManifestBytes ? bytes.ToArray() : throw Damaged($"{ManifestFile.Name} is larger than any");
    }

    private async Task FetchAsync(string id, BackupPart part, string path, CancellationToken ct)
    {
        for (int attempt = 1; ; attempt++)
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            await using (var file = new FileStream(path + TemporarySuffix, FileMode.Create, FileAccess.Write))
            {
                await store.ReadAsync(id, part.File, part.StoredBytes, async b =>
                {
                    hash.AppendData(b.Span);
                    await file.WriteAsync(b, ct);
                }, ct);
                file.Flush(flushToDisk: true);
            }
            if (Convert.ToHexStringLower(hash.GetHashAndReset()) == part.StoredSha256)
            {
                File.Move(path + TemporarySuffix, path, overwrite: true);
                return;
            }
            if (attempt == MaxSends) throw Damaged($"{part.File} is not the file that was sent");
        }
    }

    private static async Task<string> DigestAsync(string path, CancellationToken ct)
    {
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(file, ct));
    }

    private async Task NoteFailureAsync(string id, Exception e)
    {
        log.CopyFailed(e, id);
        try
        {
            if (e is RagException { Kind: ErrorKind.Invalid }) await copies.NoteDamagedAsync(id, e.Message, CancellationToken.None);
            else await copies.NoteFailedAsync(id, e.Message, CancellationToken.None);
        }
        catch (RagException)
        {
            // It stays as it began: not good.
        }
    }

    private async Task<HeldLease> TakeAsync(CancellationToken ct) => await leases.TryTakeAsync(OffSiteCopies.LeaseName, ct) ?? throw new RagException(
        ErrorKind.Conflict, "A backup is being copied already.", "Wait until it is done: 'rag backup off-site' shows it.");

    private RagException Damaged(string what) => new(ErrorKind.Invalid, $"In {store.Location}: {what}.", "The copy is damaged; copy the backup again ('rag backup copy ID'), and find out what changed it.");
}
