export class PetalParticipant extends HTMLElement {
    /** What trains; instead of the attribute `python`.
     * @type {import("./petal.js").TrainFunction | import("./petal.js").PythonTraining | null} */
    train: import("./petal.js").TrainFunction | import("./petal.js").PythonTraining | null;
    /** The participant, made at the first look from the attributes as they then are. */
    get participant(): Participant;
    connectedCallback(): void;
    disconnectedCallback(): void;
    #private;
}
import { Participant } from "./petal.js";
