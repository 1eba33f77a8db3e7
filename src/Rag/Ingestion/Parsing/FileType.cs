namespace Rag.Ingestion.Parsing;

/// <summary>The formats that the product tells apart; everything from <see cref="LegacyOffice"/> on is refused.</summary>
internal enum FileFormat
{
    PlainText,
    RestructuredText,
    Markdown,
    Html,
    Xml,
    Csv,
    Json,
    JsonLines,
    Pdf,
    Docx,
    Pptx,
    Xlsx,
    OpenDocumentText,
    Epub,
    Email,
    Rtf,
    Zip,
    LegacyOffice,
    EncryptedOffice,
    Unsupported,
}

/// <param name="MediaType">IANA media type, such as "application/pdf".</param>
internal readonly record struct FileType(FileFormat Format, string MediaType)
{
    /// <summary>True for an archive, whose entries are documents of their own (see <see cref="ArchiveReader"/>).</summary>
    public bool IsArchive => Format == FileFormat.Zip;
}
