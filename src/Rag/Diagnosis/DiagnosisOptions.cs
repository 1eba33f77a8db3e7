using Rag.Foundation;

namespace Rag.Diagnosis;

/// <summary>Section <c>Diagnosis</c>.</summary>
internal sealed class DiagnosisOptions : IValidatedOptions
{
    public string Section => "Diagnosis";

    /// <summary>Certificates to watch besides those of the configured servers: <c>host:port</c> or PEM files, separated by commas.</summary>
    public string Certificates { get; set; } = "";

    /// <summary>How often memory and Redis are noted in this process, seconds; growth and losses are told from these notes.</summary>
    public int SampleSeconds { get; set; } = 60;

    public IEnumerable<string> CertificateList => Certificates.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    public IEnumerable<ConfigurationError> Validate()
    {
        foreach (string end in CertificateList)
            if (!IsFile(end) && !TryParse(end, out _, out _)) yield return new("Diagnosis:Certificates", $"'{end}' is neither host:port nor a PEM file", "write host:port, or a path that has a slash in it or ends in .pem or .crt");
        if (SampleSeconds is < 1 or > 3_600) yield return new("Diagnosis:SampleSeconds", $"{SampleSeconds} is out of range", "choose 1 to 3600");
    }

    public static bool IsFile(string end) => end.Contains('/', StringComparison.Ordinal) || end.EndsWith(".pem", StringComparison.OrdinalIgnoreCase) || end.EndsWith(".crt", StringComparison.OrdinalIgnoreCase);

    /// <summary>Host and port of <c>host:port</c>; an IPv6 address stands in brackets.</summary>
    public static bool TryParse(string end, out string host, out int port)
    {
        int colon = end.LastIndexOf(':');
        host = colon > 0 ? end[..colon].Trim('[', ']') : "";
        port = 0;
        return colon > 0 && ushort.TryParse(end[(colon + 1)..], System.Globalization.CultureInfo.InvariantCulture, out ushort parsed) && (port = parsed) > 0 && Uri.CheckHostName(host) != UriHostNameType.Unknown;
    }
}
