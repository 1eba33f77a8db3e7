using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Rag.Foundation;

namespace Rag.App.Pages;

/// <summary>Addresses of the pages' style and scripts, each with the beginning of its content's SHA-256, so that browsers keep them until they change.</summary>
internal sealed partial class Assets
{
    private const int HashChars = 12;

    private readonly FrozenDictionary<string, string> _hashes;

    /// <summary>
    /// The style sheet of the pages, without comments. It stands in every page, so that nothing has to be fetched before the first paint; the
    /// content policy names its hash.
    /// </summary>
    public string Style { get; }

    /// <summary>The source expression that lets it apply (Content Security Policy Level 3, 2.3.1).</summary>
    public string StyleSource { get; }

    public Assets(IWebHostEnvironment environment)
    {
        using var style = new StreamReader(environment.WebRootFileProvider.GetFileInfo("app.css").CreateReadStream());
        Style = Comment.Replace(style.ReadToEnd(), "").ReplaceLineEndings("\n");
        StyleSource = $"'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Style)))}'";
        _hashes = environment.WebRootFileProvider.GetDirectoryContents("").Where(f => !f.IsDirectory).ToFrozenDictionary(f => "/" + f.Name, f => Hash(f));
    }

    [GeneratedRegex(@"/\*.*?\*/\s*", RegexOptions.Singleline)]
    private static partial Regex Comment { get; }

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
