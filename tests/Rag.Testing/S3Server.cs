using System.Globalization;

namespace Rag.Testing;

/// <summary>S3-compatible storage from npm (s3rver), on a loopback port, behind <c>s3-server.mjs</c>. It checks no digest of what is sent to it.</summary>
public sealed class S3Server : IAsyncDisposable
{
    public const string Bucket = "backups";

    private const string Script = "s3-server.mjs", ObjectSuffix = "._S3rver_object";
    private static readonly string[] Packages = ["s3rver@3.7.1"];

    private readonly string _packages;
    private ChildServer _process;

    private S3Server(string packages, int port, string folder) => (_packages, Port, Folder, _process) = (packages, port, folder, Begin(packages, port, folder));

    public int Port { get; }

    /// <summary>Where the objects lie.</summary>
    public string Folder { get; }

    public static bool IsInstalled => NpmFolder.IsInstalled;

    public static async Task<S3Server> StartAsync(CancellationToken ct)
    {
        string packages = await NpmFolder.WithAsync("s3", Packages, Script, ct);
        string folder = Directory.CreateTempSubdirectory("rag-s3-").FullName;
        int port = ChildServer.FreePort();
        var server = new S3Server(packages, port, folder);
        File.WriteAllText(server.AccessKeyFile, "S3RVER");
        File.WriteAllText(server.SecretKeyFile, "S3RVER");
        try
        {
            await server.WaitAsync(ct);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public string AccessKeyFile => Path.Combine(Folder, ".access-key");

    public string SecretKeyFile => Path.Combine(Folder, ".secret-key");

    /// <summary>As configuration of a service that copies to it, through another port where one is named.</summary>
    public (string Key, string Value)[] Settings(int? port = null) =>
    [
        ("Backup:OffSite:Endpoint", $"http://127.0.0.1:{port ?? Port}"), ("Backup:OffSite:Bucket", Bucket), ("Backup:OffSite:AccessKeyFile", AccessKeyFile), ("Backup:OffSite:SecretKeyFile", SecretKeyFile),
        ("Backup:OffSite:StallSeconds", "5"), ("Backup:OffSite:PieceMb", "5"),
    ];

    /// <summary>The files under a name, without what stands before it, and where their bytes lie.</summary>
    public IReadOnlyDictionary<string, string> Objects(string prefix)
    {
        string root = Path.Combine(Folder, Bucket, prefix);
        return !Directory.Exists(root) ? new Dictionary<string, string>() : Directory.EnumerateFiles(root, "*" + ObjectSuffix, SearchOption.AllDirectories).ToDictionary(f => Path.GetRelativePath(root, f)[..^ObjectSuffix.Length]);
    }

    public Task KillAsync() => _process.KillAsync();

    /// <summary>After it was killed: on the same port, with what lies on its disk.</summary>
    public async Task RestartAsync(CancellationToken ct)
    {
        await _process.DisposeAsync();
        _process = Begin(_packages, Port, Folder);
        await WaitAsync(ct);
    }

    private async Task WaitAsync(CancellationToken ct)
    {
        using var http = new HttpClient();
        await _process.WaitUntilAsync(async token => (await http.GetAsync(new Uri($"http://127.0.0.1:{Port}/{Bucket}"), token)).IsSuccessStatusCode, TimeSpan.FromSeconds(60), ct);
    }

    private static ChildServer Begin(string packages, int port, string folder) =>
        ChildServer.Start(ChildServer.Find("node")!, [Path.Combine(packages, Script), port.ToString(CultureInfo.InvariantCulture), folder, Bucket], workingDirectory: packages);

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }
}
