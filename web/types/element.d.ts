export class PetalParticipant extends HTMLElement {
    /** What trains; instead of the attribute `python`.
     * @type {import("./petal.js").TrainFunction | import("./petal.js").PythonTraining | null} */
    train: import("./petal.js").TrainFunction | import("./petal.js").PythonTraining | null;
    /** Noise on every update; instead of the attribute `privacy`.
     * @type {import("./petal.js").Privacy | null} */
    privacy: import("./petal.js").Privacy | null;
    /** What gets an enrolment token; instead of the attribute `enrolment-url`.
     * @type {string | import("./petal.js").EnrolFunction | null} */
    enrolment: string | import("./petal.js").EnrolFunction | null;
    /** The participant, made at the first look from the attributes as they then are. */
    get participant(): Participant;
    connectedCallback(): void;
    disconnectedCallback(): void;
    #private;
}
import { Participant } from "./petal.js";
