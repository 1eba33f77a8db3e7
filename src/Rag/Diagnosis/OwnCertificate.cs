using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace Rag.Diagnosis;

/// <summary>The addresses at which this server itself speaks TLS, once it listens.</summary>
internal static class OwnCertificate
{
    public const string Name = "server";

    public static IEnumerable<CertificateEnd> Ends(IServer? server)
    {
        foreach (string text in server?.Features.Get<IServerAddressesFeature>()?.Addresses ?? [])
        {
            string named = text.Replace("//*", "//localhost", StringComparison.Ordinal).Replace("//+", "//localhost", StringComparison.Ordinal).Replace("//0.0.0.0", "//localhost", StringComparison.Ordinal).Replace("//[::]", "//localhost", StringComparison.Ordinal);
            // It is for the name that others call it by, which this machine need not trust.
            if (Uri.TryCreate(named, UriKind.Absolute, out var uri) && uri.Scheme == "https" && uri.Port > 0) yield return new(Name, uri.Host.Trim('[', ']'), uri.Port, Verified: false);
        }
    }
}
