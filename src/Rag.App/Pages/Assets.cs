using System.Collections.Frozen;
using Rag.Foundation;

namespace Rag.App.Pages;

/// <summary>Addresses of the pages' style and scripts, each with the beginning of its content's SHA-256, so that browsers keep them until they change.</summary>
internal sealed class Assets
{
    private const int HashChars = 12;

    private readonly FrozenDictionary<string, string> _hashes;

    public Assets(IWebHostEnvironment environment) =>
        _hashes = environment.WebRootFileProvider.GetDirectoryContents("").Where(f => !f.IsDirectory).ToFrozenDictionary(f => "/" + f.Name, f => Hash(f));

    public string Url(string name) => _hashes.TryGetValue("/" + name, out string? hash) ? $"/{name}?v={hash}" : $"/{name}";

    /// <summary>True where the address names the content that is served now.</summary>
    public bool IsCurrent(HttpRequest request) => _hashes.TryGetValue(request.Path.Value ?? "", out string? hash) && request.Query["v"] == hash;

    private static string Hash(Microsoft.Extensions.FileProviders.IFileInfo file)
    {
        using var stream = file.CreateReadStream();
        using var memory = new MemoryStream();
        stream.CopyTo(memory);
        return Sha256.Hex(memory.ToArray())[..HashChars];
    }
}
