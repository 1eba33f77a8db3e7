using System.Net;
using Rag.Foundation;

namespace Rag.Access;

/// <summary>Open mode has no keys, so it must not be reachable from elsewhere.</summary>
internal static class OpenMode
{
    /// <exception cref="RagException">An address is not a loopback address; says which, and what to do.</exception>
    public static void RequireLoopback(IEnumerable<string> urls)
    {
        foreach (string url in urls)
        {
            if (!url.StartsWith("http://unix:", StringComparison.Ordinal) && !IsLoopback(url))
                throw new RagException(ErrorKind.Invalid, $"Without keys the server answers on loopback addresses only, and {url} is not one.", "Make a key with 'rag keys create NAME --role admin' and serve with --set Access:Mode=keys, or use --urls http://127.0.0.1:8080.");
        }
    }

    public static bool IsLoopback(string url)
    {
        // Kestrel's wildcards are not host names that Uri understands.
        if (!Uri.TryCreate(url.Replace("//*", "//0.0.0.0", StringComparison.Ordinal).Replace("//+", "//0.0.0.0", StringComparison.Ordinal), UriKind.Absolute, out var uri)) return false;
        return uri.Host == "localhost" || (IPAddress.TryParse(uri.Host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));
    }
}
