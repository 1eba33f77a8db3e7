using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json.Serialization;
using Amazon;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Rag.Foundation;

namespace Rag.Backup.OffSite;

/// <summary>A file that is on its way in pieces; kept, so that another process goes on with it.</summary>
/// <param name="Pieces">The whole ones, in their order.</param>
internal sealed record UploadInProgress(string File, string UploadId, long PieceBytes, IReadOnlyList<UploadedPiece> Pieces);

/// <param name="Tag">What the storage calls it.</param>
/// <param name="Sha256">Base64.</param>
internal sealed record UploadedPiece(string Tag, string Sha256);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(UploadInProgress))]
internal sealed partial class UploadJson : JsonSerializerContext;

/// <summary>
/// Files of backups in S3-compatible storage, each under PREFIX/ID/FILE. Nothing that the storage says of a file is taken for
/// proof: what is there is what is read back.
/// </summary>
internal sealed class OffSiteStore(BackupOptions options) : IDisposable
{
    /// <summary>The storage's own bound of pieces of a file.</summary>
    private const int MaxPieces = 10_000;

    /// <summary>How often one file is tried before the copy gives up; what was sent or read is kept meanwhile.</summary>
    private const int MaxTries = 8;

    private const int ReadBytes = 128 * 1024, Retries = 2, MaxObjects = 100_000;

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200), LongestPause = TimeSpan.FromSeconds(10);

    private readonly OffSiteOptions _options = options.OffSite;
    private readonly Lock _gate = new();
    private AmazonS3Client? _client;

    public bool Configured => _options.Configured;

    public string Location => $"s3://{_options.Bucket}/{_options.Prefix}";

    /// <exception cref="RagException">Unsupported: no place off-site is configured.</exception>
    public void Require()
    {
        if (!Configured) throw new RagException(ErrorKind.Unsupported, "No place off-site is configured.", "Name S3-compatible storage in Backup:OffSite: Endpoint, Bucket, AccessKeyFile and SecretKeyFile.");
    }

    /// <summary>Names and sizes of the files under an id.</summary>
    public Task<IReadOnlyDictionary<string, long>> ListAsync(string id, CancellationToken ct) => TryAsync<IReadOnlyDictionary<string, long>>(async () =>
    {
        var files = new Dictionary<string, long>();
        string prefix = Key(id, "");
        await foreach (var o in ObjectsAsync(prefix, ct)) files[o.Key[prefix.Length..]] = o.Size ?? 0;
        return files;
    }, ct);

    /// <summary>Ids under which there is a manifest.</summary>
    public Task<IReadOnlyList<string>> IdsAsync(CancellationToken ct) => TryAsync<IReadOnlyList<string>>(async () =>
    {
        var ids = new List<string>();
        await foreach (var o in ObjectsAsync(_options.Prefix, ct))
            if (o.Key[_options.Prefix.Length..].Split('/') is [var id, ManifestFile.Name]) ids.Add(id);
        return ids;
    }, ct);

    /// <summary>
    /// Sends a file, and returns the SHA-256 of what was sent. A small one goes in one piece; of a larger one each piece is
    /// noted when the storage has it, and one that was begun is gone on with.
    /// </summary>
    public async Task<string> SendAsync(string id, string file, string path, UploadInProgress? begun, Func<UploadInProgress?, Task> note, Action<long> sent, CancellationToken ct)
    {
        long length = new FileInfo(path).Length;
        long pieceBytes = Math.Max(_options.PieceBytes, (length + MaxPieces - 1) / MaxPieces);
        await using var from = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, ReadBytes, FileOptions.SequentialScan);
        using var whole = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] piece = new byte[(int)Math.Min(pieceBytes, Math.Max(1, length))];
        if (length <= pieceBytes)
        {
            int read = await from.ReadAtLeastAsync(piece, (int)length, throwOnEndOfStream: false, ct);
            whole.AppendData(piece, 0, read);
            string sha256 = Base64(piece, read);
            await TryAsync(() => Client.PutObjectAsync(new PutObjectRequest { BucketName = _options.Bucket, Key = Key(id, file), InputStream = new MemoryStream(piece, 0, read), UseChunkEncoding = false, ChecksumSHA256 = sha256 }, ct), ct);
            sent(read);
            return Convert.ToHexStringLower(whole.GetHashAndReset());
        }
        var upload = begun?.File == file && begun.PieceBytes == pieceBytes ? begun : null;
        if (upload is null)
        {
            var initiated = await TryAsync(() => Client.InitiateMultipartUploadAsync(new InitiateMultipartUploadRequest { BucketName = _options.Bucket, Key = Key(id, file), ChecksumAlgorithm = ChecksumAlgorithm.SHA256 }, ct), ct);
            await note(upload = new(file, initiated.UploadId, pieceBytes, []));
        }
        bool all = false;
        try
        {
            for (int number = 1; from.Position < length; number++)
            {
                int read = await from.ReadAtLeastAsync(piece, piece.Length, throwOnEndOfStream: false, ct);
                if (read == 0) break;
                whole.AppendData(piece, 0, read);
                string sha256 = Base64(piece, read);
                // What was sent before is good only where it was the same.
                if (upload.Pieces.Count < number || upload.Pieces[number - 1].Sha256 != sha256)
                {
                    var put = await TryAsync(() => Client.UploadPartAsync(new UploadPartRequest
                    {
                        BucketName = _options.Bucket, Key = Key(id, file), UploadId = upload.UploadId, PartNumber = number, InputStream = new MemoryStream(piece, 0, read), PartSize = read, UseChunkEncoding = false, ChecksumSHA256 = sha256,
                    }, ct), ct);
                    await note(upload = upload with { Pieces = [.. upload.Pieces.Take(number - 1), new(put.ETag, sha256), .. upload.Pieces.Skip(number)] });
                }
                sent(read);
            }
            all = true;
            await TryAsync(() => Client.CompleteMultipartUploadAsync(new CompleteMultipartUploadRequest
            {
                BucketName = _options.Bucket, Key = Key(id, file), UploadId = upload.UploadId, PartETags = [.. upload.Pieces.Select((p, i) => new PartETag(i + 1, p.Tag) { ChecksumSHA256 = p.Sha256 })],
            }, ct), ct);
        }
        catch (RagException e) when (e.InnerException is AmazonS3Exception { StatusCode: HttpStatusCode.NotFound or HttpStatusCode.BadRequest } || (all && e.InnerException is AmazonS3Exception { StatusCode: >= HttpStatusCode.InternalServerError }))
        {
            // The storage knows the upload no more, or took all of it and cannot end it, which it would go on saying: the next try begins it anew.
            await AbandonAsync(id, upload, ct);
            await note(null);
            throw;
        }
        await note(null);
        return Convert.ToHexStringLower(whole.GetHashAndReset());
    }

    /// <summary>
    /// Reads a file from its first to its last byte, and gives it out as it comes; where the connection ends, it is gone on with
    /// behind what came. Whether it is right, the reader decides.
    /// </summary>
    /// <param name="maxBytes">It is not read further than one byte past this.</param>
    /// <returns>Bytes that were read.</returns>
    /// <exception cref="RagException">NotFound: there is no such file; Unavailable.</exception>
    public async Task<long> ReadAsync(string id, string file, long maxBytes, Func<ReadOnlyMemory<byte>, ValueTask> take, CancellationToken ct)
    {
        long read = 0;
        var pause = FirstPause;
        byte[] buffer = new byte[ReadBytes];
        for (int attempt = 1; ; attempt++)
        {
            long before = read;
            using var stalled = CancellationTokenSource.CreateLinkedTokenSource(ct);
            try
            {
                stalled.CancelAfter(Stall);
                var request = new GetObjectRequest { BucketName = _options.Bucket, Key = Key(id, file) };
                if (read > 0) request.ByteRange = new ByteRange($"bytes={read}-");
                using var response = await Client.GetObjectAsync(request, stalled.Token);
                long wanted = response.ContentLength, got = 0;
                while (read <= maxBytes)
                {
                    stalled.CancelAfter(Stall);
                    int count = await response.ResponseStream.ReadAsync(buffer, stalled.Token);
                    if (count == 0) break;
                    got += count;
                    read += count;
                    await take(buffer.AsMemory(0, count));
                }
                if (got < wanted && read <= maxBytes) throw new IOException($"The connection ended after {got:N0} of {wanted:N0} bytes.");
                return read;
            }
            catch (AmazonS3Exception e) when (read > 0 && e.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
            {
                return read;
            }
            catch (Exception e) when (IsPassing(e, ct))
            {
                if (read > before) (attempt, pause) = (1, FirstPause);
                if (attempt >= MaxTries) throw Translate(e);
                await Task.Delay(pause, ct);
                pause = Longer(pause);
            }
            catch (Exception e) when (e is AmazonServiceException or SocketException or TimeoutException)
            {
                ct.ThrowIfCancellationRequested();
                throw Translate(e);
            }
        }
    }

    /// <summary>Removes a file; one that is not there is no error.</summary>
    public Task DeleteAsync(string id, string file, CancellationToken ct) => TryAsync(() => Client.DeleteObjectAsync(new DeleteObjectRequest { BucketName = _options.Bucket, Key = Key(id, file) }, ct), ct);

    /// <summary>Lets go of pieces of a file that is not gone on with. Some storage cannot; a rule of the bucket that ends old uploads is the remedy there.</summary>
    public async Task AbandonAsync(string id, UploadInProgress upload, CancellationToken ct)
    {
        try
        {
            await Client.AbortMultipartUploadAsync(new AbortMultipartUploadRequest { BucketName = _options.Bucket, Key = Key(id, upload.File), UploadId = upload.UploadId }, ct);
        }
        catch (Exception e) when (e is AmazonServiceException or AmazonClientException or HttpRequestException or IOException or SocketException or TimeoutException)
        {
            // It costs room there, and nothing else.
        }
    }

    public void Dispose() => _client?.Dispose();

    private TimeSpan Stall => TimeSpan.FromSeconds(_options.StallSeconds);

    private AmazonS3Client Client
    {
        get
        {
            Require();
            lock (_gate) return _client ??= Create();
        }
    }

    private AmazonS3Client Create()
    {
        var config = new AmazonS3Config
        {
            ForcePathStyle = _options.PathStyle, MaxErrorRetry = Retries, RetryMode = RequestRetryMode.Standard, Timeout = Stall,
            // Each piece has its SHA-256, which the storage may check; what proves a copy is reading it back.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED, ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
        };
        if (_options.Endpoint.Length > 0) (config.ServiceURL, config.AuthenticationRegion) = (_options.Endpoint, _options.Region);
        else config.RegionEndpoint = RegionEndpoint.GetBySystemName(_options.Region);
        return new(new BasicAWSCredentials(Secret(_options.AccessKeyFile), Secret(_options.SecretKeyFile)), config);
    }

    private static string Secret(string path)
    {
        try
        {
            return File.ReadAllText(path).Trim() is { Length: > 0 } text ? text : throw new IOException("it is empty.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RagException(ErrorKind.Unavailable, $"{path} cannot be read: {e.Message}", "Backup:OffSite names the files that hold the access key; this user must be able to read them.", e);
        }
    }

    private async IAsyncEnumerable<S3Object> ObjectsAsync(string prefix, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        string? after = null;
        for (int seen = 0; seen < MaxObjects;)
        {
            var page = await Client.ListObjectsV2Async(new ListObjectsV2Request { BucketName = _options.Bucket, Prefix = prefix, ContinuationToken = after }, ct);
            foreach (var o in page.S3Objects ?? [])
            {
                seen++;
                yield return o;
            }
            if (page.IsTruncated != true) yield break;
            after = page.NextContinuationToken;
        }
    }

    /// <summary>Tries again what may pass, with growing pauses.</summary>
    private static async Task<T> TryAsync<T>(Func<Task<T>> work, CancellationToken ct)
    {
        var pause = FirstPause;
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return await work();
            }
            catch (Exception e) when (IsPassing(e, ct) && attempt < MaxTries)
            {
                await Task.Delay(pause, ct);
                pause = Longer(pause);
            }
            catch (Exception e) when (e is AmazonServiceException or AmazonClientException or HttpRequestException or IOException or SocketException or TimeoutException or System.Xml.XmlException || (e is OperationCanceledException && !ct.IsCancellationRequested))
            {
                // The client calls it a timeout, too, when it was told to stop.
                ct.ThrowIfCancellationRequested();
                throw Translate(e);
            }
        }
    }

    /// <summary>A connection that ended or stood still, an answer that is none, a server that says that it is its own fault.</summary>
    private static bool IsPassing(Exception e, CancellationToken ct) => !ct.IsCancellationRequested && e switch
    {
        AmazonServiceException s => (int)s.StatusCode is 0 or 408 or 429 or >= 500 || s.InnerException is not null && (int)s.StatusCode is < 400,
        HttpRequestException or IOException or SocketException or OperationCanceledException or TimeoutException or AmazonClientException or System.Xml.XmlException => true,
        _ => false,
    };

    private static RagException Translate(Exception e) => e switch
    {
        AmazonS3Exception { StatusCode: HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized } => new(
            ErrorKind.Unavailable, $"The storage off-site refuses: {e.Message}", "Check the access key that Backup:OffSite names, and that it may list, read, write and delete in the bucket.", e),
        AmazonS3Exception { ErrorCode: "NoSuchBucket" } => new(ErrorKind.Unavailable, "There is no such bucket off-site.", "Make the bucket, or name another in Backup:OffSite:Bucket.", e),
        AmazonS3Exception { StatusCode: HttpStatusCode.NotFound } => new(ErrorKind.NotFound, "The storage off-site has no such file.", "'rag backup off-site' shows what is there.", e),
        _ => new(ErrorKind.Unavailable, $"The storage off-site cannot be used: {e.Message}", "Check the network and Backup:OffSite; what was copied is kept, and the copy goes on where it stopped when it is asked for again.", e),
    };

    private static TimeSpan Longer(TimeSpan pause) => pause * 2 < LongestPause ? pause * 2 : LongestPause;

    private static string Base64(byte[] bytes, int count) => Convert.ToBase64String(SHA256.HashData(bytes.AsSpan(0, count)));

    private string Key(string id, string file) => $"{_options.Prefix}{id}/{file}";
}
