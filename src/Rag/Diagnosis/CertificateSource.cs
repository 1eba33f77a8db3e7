namespace Rag.Diagnosis;

/// <summary>Ends that a slice further down speaks TLS to; it registers them, because this one does not know of it.</summary>
internal sealed record CertificateSource(Func<IEnumerable<CertificateEnd>> Ends)
{
    /// <summary>Where an address by https leads; nothing where it is another.</summary>
    public static IEnumerable<CertificateEnd> Of(string name, string? address)
    {
        if (Uri.TryCreate(address, UriKind.Absolute, out var uri) && uri.Scheme == "https") yield return new(name, uri.Host.Trim('[', ']'), uri.Port, Verified: true);
    }
}
