using Rag.Foundation;

namespace Rag.Backup.OffSite;

/// <summary>Section <c>Backup:OffSite</c>: S3-compatible storage that outlives this place.</summary>
internal sealed class OffSiteOptions
{
    /// <summary>Address of the storage, such as https://s3.example.com; empty: Amazon's in the region.</summary>
    public string Endpoint { get; set; } = "";

    /// <summary>Empty: no copies are kept off-site.</summary>
    public string Bucket { get; set; } = "";

    /// <summary>Before the names of all objects; one for each installation that shares the bucket.</summary>
    public string Prefix { get; set; } = "rag-system/";

    public string Region { get; set; } = "us-east-1";

    /// <summary>File with the id of the access key.</summary>
    public string AccessKeyFile { get; set; } = "";

    /// <summary>File with the secret of the access key.</summary>
    public string SecretKeyFile { get; set; } = "";

    /// <summary>Whether the bucket stands in the path of an address (https://HOST/BUCKET) instead of in its host.</summary>
    public bool PathStyle { get; set; } = true;

    /// <summary>A file is sent in pieces of this size, mebibytes; an interrupted copy keeps its whole pieces. One piece is held in memory.</summary>
    public int PieceMb { get; set; } = 16;

    /// <summary>How long sending one piece may take, and how long reading may stand still, seconds.</summary>
    public int StallSeconds { get; set; } = 60;

    public long PieceBytes => PieceMb * 1_048_576L;

    public bool Configured => Bucket.Length > 0;

    public IEnumerable<ConfigurationError> Validate()
    {
        if (!Configured)
        {
            if (Endpoint.Length > 0) yield return new("Backup:OffSite:Bucket", "is empty, and an endpoint is named", "name the bucket, or leave the endpoint empty");
            yield break;
        }
        if (Endpoint.Length > 0 && !(Uri.TryCreate(Endpoint, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"))
            yield return new("Backup:OffSite:Endpoint", $"'{Endpoint}' is not an address", "write it as https://s3.example.com, or leave it empty for Amazon's");
        foreach (var (key, file) in new[] { ("AccessKeyFile", AccessKeyFile), ("SecretKeyFile", SecretKeyFile) })
            if (!File.Exists(file)) yield return new($"Backup:OffSite:{key}", file.Length == 0 ? "is empty" : $"there is no file {file}", "name a file that holds the key and nothing else");
        if (Prefix.StartsWith('/') || Prefix.Contains("//", StringComparison.Ordinal)) yield return new("Backup:OffSite:Prefix", $"'{Prefix}' has an empty name in it", "write it as rag-system/");
        if (PieceMb is < 5 or > 512) yield return new("Backup:OffSite:PieceMb", $"{PieceMb} is out of range", "choose 5 to 512");
        if (StallSeconds is < 1 or > 3_600) yield return new("Backup:OffSite:StallSeconds", $"{StallSeconds} is out of range", "choose 1 to 3600");
    }
}
